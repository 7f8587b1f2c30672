"""Each fault kind as a caller meets it, and what it leaves behind at the centre."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from gateway.mock_siak import Fault, FaultKind
from gateway.mock_siak.faults import strike

if TYPE_CHECKING:
    from tests.mock_siak.conftest import Rig


def behave(rig: Rig, kind: str, **values: Any) -> None:
    """One fault that strikes every call."""
    rig.behave(faults=[{"kind": kind, "rate": 1, **values}])


def spent(rig: Rig) -> tuple[int, int]:
    """Calls served and quota used."""
    return rig.mock.stats.served, sum(rig.mock.quota.used().values())


def test_latency_delays_and_then_answers(rig: Rig) -> None:
    """The answer is right, only late."""
    behave(rig, "latency", seconds=0.1)
    began = time.monotonic()
    assert rig.ask(rig.nik())["totalElements"] == 1
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize(
    ("kind", "status", "text"), [("error_500", 500, b"Internal Server Error"), ("html_502", 502, b"Bad Gateway")]
)
def test_errors_before_the_work(rig: Rig, kind: str, status: int, text: bytes) -> None:
    """500 and 502 are answered without doing anything, and the connection lives on."""
    behave(rig, kind)
    with rig.client() as client:
        for _ in range(2):
            client.send(rig.question(rig.nik()))
            answer = client.answer()
            assert answer[0] == status
            assert text in answer[2]
    assert spent(rig) == (0, 0)


def test_truncated_json_is_whole_http_and_half_json(rig: Rig) -> None:
    """The length is right, the document is cut; the call was served."""
    behave(rig, "truncated_json")
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        status, _, body = client.answer()
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert spent(rig) == (1, 1)


@pytest.mark.parametrize(("kind", "served"), [("reset_before_read", 0), ("reset_after_read", 1)])
def test_resets(rig: Rig, kind: str, served: int) -> None:
    """Both break the connection off with RST; only the later one has done its work."""
    behave(rig, kind)
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)
    assert spent(rig) == (served, served)


def test_timeout_after_commit_serves_and_stays_silent(rig: Rig) -> None:
    """The work is done and counted, the answer never comes, and the caller that leaves is counted as gone."""
    behave(rig, "timeout_after_commit")
    with rig.client(0.2) as client:
        client.send(rig.question(rig.nik()))
        rig.until(lambda: spent(rig) == (1, 1))
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
    rig.until(lambda: rig.mock.stats.abandoned == 1)


def test_duplicate_ack_sends_the_answer_twice(rig: Rig) -> None:
    """One question, two equal answers on the wire, one unit of quota."""
    behave(rig, "duplicate_ack")
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        assert client.answer() == client.answer()
    assert spent(rig) == (1, 1)


def test_drip_sends_byte_by_byte(rig: Rig) -> None:
    """The head comes at once, the body one byte at a time, and is whole in the end."""
    behave(rig, "drip", seconds=0.0)
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        assert json.loads(client.answer()[2])["totalElements"] == 1
    behave(rig, "drip", seconds=30)
    with rig.client(0.2) as client:
        client.send(rig.question(rig.nik()))
        with pytest.raises(TimeoutError):
            client.answer()
    rig.until(lambda: rig.mock.stats.abandoned == 1)
    with rig.client(0.2) as client:
        client.send(rig.question(rig.nik()))
        rig.until(lambda: rig.mock.stats.served == 3)
        rig.behave(mode="hang")


def test_quota_exhausted_says_so_without_spending(rig: Rig) -> None:
    """Code 05 in the account's own shape, whatever is left."""
    behave(rig, "quota_exhausted")
    assert rig.ask(rig.nik())["content"] == [{"RESPON": "Kuota Akses Hari ini telah Habis"}]
    assert spent(rig) == (0, 0)


def test_tls_bad_answers_with_an_alert(rig: Rig) -> None:
    """The answer is a TLS alert and the end of the connection."""
    behave(rig, "tls_bad")
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        assert client.rest() == b"\x15\x03\x03\x00\x02\x02\x28"
    assert spent(rig) == (0, 0)


def test_faults_can_be_kept_to_methods(rig: Rig) -> None:
    """A fault for a METHOD or a kind, in any case, leaves the others alone; stats count what struck."""
    rig.behave(faults=[{"kind": "quota_exhausted", "rate": 1, "methods": ["Call_Nik", "KK"]}])
    struck = [
        b"habis" in json.dumps(rig.ask(rig.nik(), method)).lower().encode()
        for method in ("CALL_NIK", "BYNIK", "GET_KK")
    ]
    assert struck == [True, False, True]
    assert rig.control("GET", "/_mock/stats")[1]["faults"] == {"quota_exhausted": 2}


def test_rates_are_shares_and_latency_adds_to_the_rest() -> None:
    """A rate of 0.3 strikes about three in ten, 0 never; delays add up; the first breaking fault wins."""
    rng = random.Random(1)
    some = (Fault(FaultKind.DRIP, 0.3), Fault(FaultKind.HTML_502, 0.0))
    struck = sum(strike(some, ("x",), rng).fault is not None for _ in range(10_000))
    assert 2_800 < struck < 3_200
    every = (
        Fault(FaultKind.LATENCY, seconds=2),
        Fault(FaultKind.LATENCY, seconds=3),
        Fault(FaultKind.DRIP),
        Fault(FaultKind.TLS_BAD),
    )
    both = strike(every, ("x",), rng)
    assert (both.delay, both.fault and both.fault.kind) == (5, FaultKind.DRIP)
    assert [kind.value for kind in both.kinds] == ["latency", "latency", "drip"]
