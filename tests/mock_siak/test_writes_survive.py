"""Faults, restarts and kills: what was acknowledged stays, and one reference never takes effect twice."""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.mock_siak import Behaviour, MockSettings, StateError, demo_accounts, parse_behaviour, start_process
from tests.mock_siak.conftest import Rig, request_bytes
from tests.mock_siak.desk import CHILD, WRITER, call, cards, events, hand_in, headers, ledger, submission

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.mock_siak import MockProcess
    from tests.mock_siak.conftest import Start

LOST_ANSWER = ("timeout_after_commit", "reset_after_read", "truncated_json", "duplicate_ack", "drip")
SILENT = "timeout_after_commit"
NEVER_REACHED = ("error_500", "html_502", "reset_before_read", "tls_bad", "quota_exhausted")


@pytest.fixture
def rig(start: Start) -> Rig:
    """A mock centre with an account that may write."""
    return start(accounts=(WRITER,))


def attempt(rig: Rig, body: dict[str, Any], patience: float = 10.0) -> bytes:
    """Send a submission and take whatever comes until the line is closed, or nothing more comes for so long."""
    raw = json.dumps(body).encode()
    with rig.client(timeout=patience) as client:
        client.send(request_bytes("POST", "/siak/submissions", raw, *headers(WRITER, "Connection: close")))
        try:
            return client.rest()
        except OSError:
            return b""


@pytest.mark.parametrize("kind", LOST_ANSWER)
def test_a_fault_after_the_commit_leaves_the_effect(rig: Rig, kind: str) -> None:
    """Whatever becomes of the answer, the centre has it; sent again it is the same, once."""
    rig.behave(faults=[{"kind": kind, "methods": ["write"], "seconds": 0.0005}])
    body = submission("birth", {"no_kk": cards(rig)[0], "child": CHILD})
    answers = {"duplicate_ack": 2, "drip": 1, "truncated_json": 1}.get(kind, 0)
    assert attempt(rig, body, 0.15 if kind == SILENT else 10.0).count(b"HTTP/1.1 201") == answers
    rig.until(lambda: rig.mock.book.ledger()["entries"] != [])
    assert call(rig, "GET", "submissions/reference-1")[0] == 200
    rig.behave()
    assert call(rig, "POST", "submissions", body)[0] == 200
    assert [(entry["arrivals"], entry["effects"]) for entry in ledger(rig)["entries"]] == [(2, 1)]


@pytest.mark.parametrize("kind", NEVER_REACHED)
def test_a_fault_before_the_work_leaves_nothing(rig: Rig, kind: str) -> None:
    """The centre has nothing, and says so when asked."""
    rig.behave(faults=[{"kind": kind, "methods": ["submit"]}])
    answer = attempt(rig, submission("birth", {"no_kk": cards(rig)[0], "child": CHILD}))
    assert (b"quota_exhausted" in answer) is (kind == "quota_exhausted")
    assert call(rig, "GET", "submissions/reference-1")[0] == 404
    assert ledger(rig)["entries"] == []


def test_faults_of_questions_spare_writes(rig: Rig) -> None:
    """`follow` and `write` name the two classes; a METHOD of reads strikes neither."""
    rig.behave(faults=[{"kind": "error_500", "methods": ["follow", "biodata"]}])
    assert attempt(rig, submission("birth", {"no_kk": cards(rig)[0], "child": CHILD})).startswith(b"HTTP/1.1 201")
    assert call(rig, "GET", "submissions/reference-1")[0] == 500


def test_head_has_no_body_whatever_befalls_it(rig: Rig) -> None:
    """An error to a HEAD is only its head, so that the connection stays good."""
    rig.behave(faults=[{"kind": "html_502", "methods": ["head_blob"]}])
    with rig.client() as client:
        client.send(request_bytes("HEAD", f"/siak/blobs/{'0' * 64}", b"", *headers()))
        client.send(request_bytes("GET", "/siak/key", b"", *headers(WRITER, "Connection: close")))
        first, _, second = client.rest().partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 502")
    assert second.startswith(b"HTTP/1.1 200")


def test_everything_survives_a_restart(start: Start, tmp_path: Path) -> None:
    """Receipts, decisions, effects on reads, events, blobs and what was still undecided."""
    now = [1_780_300_000.0]
    first = start(accounts=(WRITER,), state=tmp_path, clock=lambda: now[0])
    no_kk, members = cards(first)
    held = hand_in(first, "birth", {"no_kk": no_kk, "child": CHILD}, "reference-0")
    hand_in(first, "death", {"deceased": {"nik": members[0], "date": "2026-06-01"}})
    first.behave(office_seconds=3600)
    waiting = submission("kk_change", {"no_kk": no_kk, "home": {"address": "Jl. Lain"}}, "reference-2")
    call(first, "POST", "submissions", waiting)
    seen = events(first)
    first.close()
    now[0] += 1_000_000
    second = start(accounts=(WRITER,), state=tmp_path, clock=lambda: now[0])
    assert call(second, "GET", "submissions/reference-0")[1] == held
    assert call(second, "GET", "submissions/reference-2")[1]["state"] == "issued"
    assert second.ask(members[0])["content"][0]["RESPON"] == "Data Ditemukan, Meninggal Dunia"
    child = second.ask(held["documents"][0]["nik"])["content"][0]
    assert (child["NAMA_LGKP"], child["ALAMAT"]) == ("SITI NUR'AINI", "JL. LAIN")
    assert events(second)[: len(seen)] == seen
    assert [entry["effects"] for entry in ledger(second)["entries"]] == [1, 1, 1]


def test_a_book_of_another_population_is_refused(start: Start, tmp_path: Path) -> None:
    """Decisions about other people make no sense; a damaged file is named."""
    start(state=tmp_path).close()
    with pytest.raises(StateError, match="400 residents of seed 1"):
        start(state=tmp_path, seed=2)
    (tmp_path / "mock_siak.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StateError, match=r"mock_siak\.db"):
        start(state=tmp_path)


def test_what_cannot_be_written_down_has_not_happened(rig: Rig) -> None:
    """When the book fails at a decision, neither reads nor events tell of it; it is decided when the book works."""
    nik = rig.nik()
    body = submission("death", {"deceased": {"nik": nik, "date": "2026-06-01"}})
    call(rig, "POST", "submissions", body)

    async def fail() -> None:
        rig.mock.book._db.execute("CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT raise(ABORT, 'full'); END")
        with pytest.raises(Exception, match="full"):
            rig.mock.office.settle()
        assert rig.mock.population.resident(int(nik)).status.value == "active"  # type: ignore[union-attr]
        rig.mock.book._db.execute("DROP TRIGGER full")

    rig.run(fail())
    assert rig.ask(nik)["content"][0]["RESPON"] == "Data Ditemukan, Meninggal Dunia"
    assert [event["kind"] for event in events(rig)].count("death") == 1


def post(mock: MockProcess, body: dict[str, Any]) -> int:
    """The status of a submission to a process; 0 when no answer came."""
    account = demo_accounts(3)[0]
    lines = dict(line.split(": ", 1) for line in headers(account))
    wanted = urllib.request.Request(f"{mock.url}/siak/submissions", json.dumps(body).encode(), lines)
    try:
        with urllib.request.urlopen(wanted, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_a_kill_takes_back_no_acknowledgement(tmp_path: Path) -> None:
    """SIGKILL right after an answer, three times over: every acknowledged reference is held, with one effect."""
    acknowledged = []
    for life in range(3):
        mock = start_process(population=300, seed=3, state=tmp_path)
        for number in range(20):
            form = {"no_kk": "3527010101010001"}
            if post(mock, submission("kk_lost", form, f"reference-{life}-{number}")) == 201:
                acknowledged.append(f"reference-{life}-{number}")
        assert post(mock, submission("kk_lost", form, "reference-0-0")) == 200
        mock.kill()
    with (
        start_process(population=300, seed=3, state=tmp_path) as mock,
        urllib.request.urlopen(f"{mock.control_url}/_mock/ledger", timeout=5) as answer,
    ):
        entries = json.load(answer)["entries"]
    assert len(acknowledged) == 60
    assert [entry["reference"] for entry in entries] == acknowledged
    assert {entry["effects"] for entry in entries} == {1}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 4), st.sampled_from(["", *LOST_ANSWER[:3], *NEVER_REACHED[:3]])),
        st.tuples(st.just("restart"), st.just(0), st.just("")),
        st.tuples(st.just("decide"), st.just(0), st.just("")),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, seed=st.integers(0, 1000))
def test_no_interleaving_takes_effect_twice(steps: list[tuple[str, int, str]], seed: int, tmp_path: Path) -> None:
    """Sends, faults, repeats, decisions and restarts in any order: an answered reference is there, none is twice."""
    folder = tmp_path / f"{random.Random(str((steps, seed))).getrandbits(64):x}"
    wanted = MockSettings(
        population=60, seed=seed, accounts=(WRITER,), state=folder, behaviour=Behaviour(office_seconds=1e6)
    )
    rig = Rig(wanted)
    answered: set[str] = set()
    try:
        for step, number, fault in steps:
            if step == "restart":
                rig.close()
                rig = Rig(wanted)
            elif step == "decide":
                rig.control("POST", "/_mock/office")
            else:
                faults = [{"kind": fault, "methods": ["write"]}] if fault else []
                rig.run(rig.mock.set_behaviour(parse_behaviour({"office_seconds": 1e6, "faults": faults})))
                body = submission("birth", {"no_kk": cards(rig)[0], "child": CHILD}, f"reference-{number}")
                if attempt(rig, body).startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
                    answered.add(f"reference-{number}")
        entries = {entry["reference"]: entry["effects"] for entry in ledger(rig)["entries"]}
        assert answered <= entries.keys()
        assert set(entries.values()) <= {1}
        issued = [event for event in events(rig) if event["kind"] == "issued"]
        assert len(issued) <= 1
    finally:
        rig.close()


def spoil(rig: Rig, *statements: str) -> None:
    """Do something to the book behind the office's back."""

    async def act() -> None:
        for statement in statements:
            rig.mock.book._db.execute(statement)

    rig.run(act())


def test_a_full_disk_is_a_500_and_nothing_more(rig: Rig) -> None:
    """What could not be written is not acknowledged; with room again the same reference is taken in."""
    body = submission("kk_lost", {"no_kk": cards(rig)[0], "rest": "x" * 100_000})
    spoil(rig, "PRAGMA max_page_count = 1")
    assert call(rig, "POST", "submissions", body)[0] == 500
    spoil(rig, "PRAGMA max_page_count = 1000000")
    assert call(rig, "GET", "submissions/reference-1")[0] == 404
    assert call(rig, "POST", "submissions", body)[0] == 201
    assert [entry["effects"] for entry in ledger(rig)["entries"]] == [1]


def test_what_is_not_made_durable_is_not_told(rig: Rig) -> None:
    """A commit that fails takes back all it held: callers and the control port hear of it, reads of nothing."""
    nik = rig.nik()
    spoil(
        rig,
        "PRAGMA foreign_keys = ON",
        "CREATE TABLE firm (id INTEGER PRIMARY KEY REFERENCES fact (name) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER loose AFTER INSERT ON taken BEGIN INSERT OR IGNORE INTO firm VALUES (1); END",
    )
    form = {"deceased": {"nik": nik, "date": "2026-06-01"}}
    assert call(rig, "POST", "submissions", submission("death", form))[0] == 500
    assert rig.control("POST", "/_mock/happenings", {"service": "death", "form": form})[0] == 507
    spoil(rig, "DROP TRIGGER loose")
    assert "RESPON" not in rig.ask(nik)["content"][0]
    assert (events(rig), ledger(rig)["entries"]) == ([], [])
    assert call(rig, "POST", "submissions", submission("death", form))[0] == 201
