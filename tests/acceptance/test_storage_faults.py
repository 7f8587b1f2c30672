"""Storage that fails under a running gateway: a typed refusal, never a false receipt, and no restart afterwards.

A corrupt attachment and a second copy that is gone stand with the rooms that keep them.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from gateway.http.submissions import ACCEPTED, PATH
from gateway.testing import Stage
from tests.acceptance.desks import hand_in_of, person, states_of
from tests.acceptance.history import History
from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.stage import ask
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

    Cause = Callable[[GatewayProcess, Path], AbstractContextManager[None]]

HOUR = 3_600.0
HEALS_WITHIN = 10.0
REFUSED = 503


@contextmanager
def nothing_can_be_written(gateway: GatewayProcess, _disk: Path) -> Iterator[None]:
    """No file of the gateway may hold a single byte more, its log included; needs no special rights."""
    old = resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0, old[1]))
    try:
        yield
    finally:
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, old)


@contextmanager
def full(_gateway: GatewayProcess, disk: Path) -> Iterator[None]:
    """Somebody else's file takes all that is left of the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def locked(gateway: GatewayProcess, _disk: Path) -> Iterator[None]:
    """Another program holds the database's write lock and does not let go."""
    with closing(sqlite3.connect(gateway.data / "gateway.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of eight megabytes; only root can have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "gateway", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root; the same refusals are proven without")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # a process that hangs must not keep it


def hand_in(gateway: GatewayProcess, key: str, number: int) -> tuple[int, Any]:
    """One try."""
    status, _, body = gateway.post(PATH, hand_in_of(number), [("Idempotency-Key", f"k{number}")], key=key, timeout=40.0)
    return status, body


def check_refusals(gateway: GatewayProcess, centre: Centre, disk: Path, cause: Cause, tries: int) -> None:
    """While the cause lasts nothing gets a receipt; afterwards the same hand-ins do, and are delivered once."""
    centre.behave(office_seconds=86_400.0)
    known = {entry["reference"] for entry in centre.ledger()}
    key = gateway.add_client("desk")
    history = History()
    with gateway:
        status, body = hand_in(gateway, key, 0)
        assert status == ACCEPTED, body
        history.note("k0", body["id"])
        nik = centre.niks(1)[0]
        assert ask(gateway, key, nik).status == 200
        with cause(gateway, disk):
            for number in range(1, 1 + tries):
                status, body = hand_in(gateway, key, number)
                assert (status, body["code"], body["retryable"]) == (REFUSED, "storage_unavailable", True), body
            assert ask(gateway, key, nik).status in {200, REFUSED}
            eventually(lambda: not is_ready(gateway), HEALS_WITHIN, "readiness tells the truth")
            assert gateway.get("/health/live")[0] == 200
        for number in range(1, 1 + tries):
            eventually(partial(taken, gateway, key, number, history), HEALS_WITHIN, "it is taken in again")
        eventually(lambda: set(states_of(gateway, key).values()) == {"delivered"}, 30.0, "all is delivered")
        assert is_ready(gateway)
        states = states_of(gateway, key)
    verdict = history.judge([entry for entry in centre.ledger() if entry["reference"] not in known], states)
    assert (verdict.lost, verdict.doubled) == ((), ())


def is_ready(gateway: GatewayProcess) -> bool:
    """What readiness says; status and text agree."""
    status, _, body = gateway.get("/health/ready")
    said = json.loads(body)["checks"]["database"]
    assert (status, said) in {(200, "ok"), (REFUSED, "failing")}
    return status == 200


def taken(gateway: GatewayProcess, key: str, number: int, history: History) -> bool:
    """Whether it has a receipt now."""
    status, body = hand_in(gateway, key, number)
    if status != ACCEPTED:
        assert body["code"] == "storage_unavailable", body
        return False
    history.note(f"k{number}", body["id"])
    return True


def test_nothing_can_be_written(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """A disk that takes no byte more, for the database and the log: refusals, readiness says so, then all is well."""
    gateway = ForkedGateway(nursery, tmp_path, centre.url)
    check_refusals(gateway, centre, tmp_path, nothing_can_be_written, 3)


def test_a_full_disk(nursery: Nursery, centre: Centre, small_disk: Path) -> None:
    """A disk without space: refusals; once somebody makes room, the same hand-ins are taken and delivered once."""
    gateway = ForkedGateway(nursery, small_disk / "gateway", centre.url)
    check_refusals(gateway, centre, small_disk, full, 3)


def test_a_locked_database(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """Another program's lock: a refusal within the patience of the storage, and nothing was half accepted."""
    check_refusals(ForkedGateway(nursery, tmp_path, centre.url), centre, tmp_path, locked, 1)


def test_a_read_only_disk(nursery: Nursery, centre: Centre, small_disk: Path) -> None:
    """On a disk that became read-only it does not start, and says why; once it can write again, it does."""
    gateway = ForkedGateway(nursery, small_disk / "gateway", centre.url)
    key = gateway.add_client("desk")
    gateway.log_file = small_disk.parent / "gateway.log"
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    arguments = ["serve", "--config", str(gateway.config_file)]
    try:
        assert nursery.fork(arguments, gateway.environ, small_disk, gateway.log_file).wait(20.0) == 1
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert "Traceback" not in gateway.log()
    assert "Read-only file system" in gateway.log() or "read-only" in gateway.log().lower()
    with gateway:
        assert hand_in(gateway, key, 1)[0] == ACCEPTED


def test_a_corrupt_payload_needs_a_person(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """Changed bytes of one submission: it asks for a person with its reason; the others are delivered."""
    gateway = ForkedGateway(nursery, tmp_path, centre.url)
    key = gateway.add_client("desk")
    centre.behave(mode="refuse", office_seconds=86_400.0)
    with gateway:
        ids = [hand_in(gateway, key, number)[1]["id"] for number in range(3)]
        with closing(sqlite3.connect(gateway.data / "gateway.db")) as database, database:
            (sealed,) = database.execute("SELECT sealed FROM payloads WHERE submission = ?", ids[1:2]).fetchone()
            changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
            database.execute("UPDATE payloads SET sealed = ? WHERE submission = ?", (changed, ids[1]))
        centre.behave(office_seconds=86_400.0)
        wanted = dict(zip(ids, ("delivered", "attention", "delivered"), strict=True))
        eventually(lambda: states_of(gateway, key) == wanted, 30.0, "the others are delivered")
        shown = json.loads(gateway.get(f"{PATH}/{ids[1]}", key=key)[2])
        assert shown["reason"] == "unreadable"
        assert person(1) not in gateway.log()


def test_the_clock_goes_back_an_hour(tmp_path: Path) -> None:
    """What rests for seconds while the centre is away does not rest for an hour because the clock was put right."""
    with Stage(tmp_path) as stage:
        key = stage.add_client("desk")
        stage.behave(mode="refuse")

        def hand_in_here(number: int) -> str:
            heard = stage.request("POST", PATH, hand_in_of(number), {"Idempotency-Key": f"k{number}"}, key=key)
            assert heard.status == ACCEPTED, heard.body
            return str(heard.json["id"])

        before = [hand_in_here(number) for number in range(3)]
        waits = stage.gateway.handing_in.outbox.find
        eventually(lambda: any(stage.run(waits(id_)).not_before for id_ in before), 10.0, "one rests after a try")
        stage.clock.ahead = -HOUR
        ids = [*before, *(hand_in_here(number) for number in range(3, 6))]
        stage.behave(office_seconds=86_400.0)
        eventually(lambda: len(stage.ledger()) == len(ids), 15.0, "all is at the centre")
        assert {entry["reference"]: entry["effects"] for entry in stage.ledger()} == dict.fromkeys(ids, 1)
