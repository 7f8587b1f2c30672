"""The control port: strict, complete, and out of the way of the modes it sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.mock_siak.conftest import Rig


def put(body: bytes) -> bytes:
    """A PUT of a behaviour as raw bytes."""
    return b"PUT /_mock/behaviour HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def test_behaviour_is_put_and_got(rig: Rig) -> None:
    """PUT answers with what is in force, GET with the same; what is not named goes back to its default."""
    wanted = {"mode": "maintenance", "workers": 2}
    status, told = rig.control("PUT", "/_mock/behaviour", wanted)
    assert (status, told["mode"], told["workers"]) == (200, "maintenance", 2)
    assert rig.control("GET", "/_mock/behaviour") == (200, told)
    assert rig.control("PUT", "/_mock/behaviour", {"mode": "up"})[1]["workers"] == 8


def test_wrong_behaviour_changes_nothing(rig: Rig) -> None:
    """422 names every fault and the old behaviour stays; a body that is no JSON is said to be none."""
    status, told = rig.control("PUT", "/_mock/behaviour", {"mode": "x", "colour": 1})
    assert (status, [error["field"] for error in told["errors"]]) == (422, ["mode", "colour"])
    assert rig.mock.behaviour.mode.value == "up"
    with rig.remote() as client:
        client.send(put(b"{"))
        assert client.answer()[0] == 422


@pytest.mark.parametrize("mode", ["refuse", "down", "hang", "maintenance"])
def test_the_control_port_answers_in_every_mode(rig: Rig, mode: str) -> None:
    """Whatever the centre does, its remote control works."""
    rig.behave(mode=mode)
    assert rig.control("GET", "/_mock/stats")[0] == 200


def test_stats_count(rig: Rig) -> None:
    """Arrived and served by method, junk under OTHER, gauges and the quota of the day."""
    rig.ask(rig.nik())
    rig.ask(rig.nik(), "call_nik")
    with rig.client() as client:
        client.send(b"GET /favicon.ico HTTP/1.1\r\n\r\n")
        client.answer()
    told = rig.control("GET", "/_mock/stats")[1]
    assert (told["arrived"], told["served"], told["abandoned"], told["in_flight"], told["backlog"]) == (3, 2, 0, 0, 0)
    assert told["by_method"] == {"CALL_NIK": {"arrived": 2, "served": 2}, "OTHER": {"arrived": 1, "served": 0}}
    assert told["quota"]["used"] == {rig.account.key: 2}


def test_method_names_kept_are_bounded(rig: Rig) -> None:
    """A caller that invents METHODs fills no memory: beyond a hundred names they count as OTHER."""
    for number in range(150):
        rig.mock.stats.arrive(f"M{number}")
    told = rig.mock.stats.document()["by_method"]
    assert len(told) == 101
    assert told["OTHER"]["arrived"] == 50


def test_reads_leave_the_ledger_empty(rig: Rig) -> None:
    """Reads leave no effects and count as no refusals."""
    rig.ask(rig.nik())
    assert rig.control("GET", "/_mock/ledger") == (200, {"entries": [], "refused": []})


def test_samples_show_everything_but_passwords(rig: Rig) -> None:
    """NIKs per group, unknown NIKs, cards and the accounts' public side."""
    status, told = rig.control("GET", "/_mock/samples?count=2")
    assert status == 200
    assert {"active", "deceased", "papua", "one_word"} <= set(told["niks"])
    assert all(1 <= len(niks) <= 2 for niks in told["niks"].values())
    assert len(told["unknown_niks"]) == len(told["no_kks"]) == 2
    assert told["accounts"][0]["left_today"] == rig.account.daily_allowance
    assert rig.account.password not in str(told)


@pytest.mark.parametrize("count", ["0", "201", "x", "-1", "1e2", ""])
def test_a_senseless_number_of_samples(rig: Rig, count: str) -> None:
    """The count is a whole number from 1 to 200; left out, or left empty, it is ten."""
    status, told = rig.control("GET", f"/_mock/samples?count={count}")
    assert (status, len(told.get("no_kks", ()))) == ((200, 10) if count == "" else (422, 0))


def test_reset_forgets_everything(rig: Rig) -> None:
    """Behaviour, counters, quota and backlog go back to the start."""
    rig.ask(rig.nik())
    rig.behave(mode="hang", workers=1)
    status, told = rig.control("POST", "/_mock/reset")
    assert (status, told["mode"]) == (200, "up")
    stats = rig.control("GET", "/_mock/stats")[1]
    assert (stats["arrived"], stats["quota"]["used"]) == (0, {})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("POST", "/_mock/stats", 405), ("DELETE", "/_mock/behaviour", 405)],
)
def test_other_requests(rig: Rig, method: str, path: str, status: int) -> None:
    """Unknown paths and verbs are told what is known."""
    told = rig.control(method, path)
    assert told[0] == status
    assert "one of" in told[1]["errors"][0]["expected"]


def test_an_impatient_controller_is_obeyed_all_the_same(rig: Rig) -> None:
    """A PUT whose sender hangs up at once is carried out."""
    with rig.remote() as client:
        client.send(put(b'{"mode": "refuse"}'))
    rig.until(lambda: rig.mock.behaviour.mode.value == "refuse")
