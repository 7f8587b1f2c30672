"""Restarts, wanted and not, while the centre is away: what was remembered before is answered after, with its age."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.stage import alive, ask, assert_honest_age
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Answered, Centre

ASKED = 5
DEADLINE = 10.0


@dataclass(frozen=True, slots=True)
class Desk:
    """A gateway that is started again and again, and the key of a desk there."""

    gateway: GatewayProcess
    key: str

    def ask(self, nik: str) -> Answered:
        """A question of the desk."""
        return ask(self.gateway, self.key, nik, deadline=DEADLINE)

    def stored(self) -> int:
        """Answers on disk."""
        address = f"file:{self.gateway.data / 'cache.db'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as cache:
            found: int = cache.execute("select count(*) from answers").fetchone()[0]
        return found

    def warm(self, niks: list[str]) -> list[Answered]:
        """Answers, whether of the centre or remembered, that are on disk by now."""
        answers = [self.ask(nik) for nik in niks]
        assert [answer.nik for answer in answers] == niks
        eventually(lambda: self.stored() >= len(niks), 5.0, "the answers are on disk")
        return answers


@pytest.fixture(scope="module")
def desk(nursery: Nursery, centre: Centre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The gateway of this module; each test leaves it running."""
    centre.behave()
    gateway = ForkedGateway(nursery, tmp_path_factory.mktemp("restarts"), centre.url)
    ready = Desk(gateway, gateway.add_client("desk"))
    with gateway:
        yield ready


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_while_the_centre_is_away_keeps_what_was_known(
    number: signal.Signals, centre: Centre, desk: Desk
) -> None:
    """After SIGTERM or SIGKILL with the centre gone, what was asked before is answered with the age it truly has."""
    centre.behave()
    *known, unknown = centre.niks(ASKED + 1)
    before = desk.warm(known)
    centre.behave(mode="refuse")
    desk.gateway.signal(number)
    assert desk.gateway.wait() == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    desk.gateway.start()
    for earlier in before:
        again = desk.ask(earlier.nik)
        assert_honest_age(again)
        assert again.body["as_of"] == earlier.body["as_of"]
        assert again.body["resident"] == earlier.body["resident"]
    assert desk.ask(unknown).code == "centre_unreachable"


def _delete(cache: Path) -> None:
    cache.unlink()


def _overwrite(cache: Path) -> None:
    cache.write_bytes(b"this is no database" * 1_000)


def _cut(cache: Path) -> None:
    cache.write_bytes(cache.read_bytes()[:-5_000])


def _scramble(cache: Path) -> None:
    """The header holds, nothing behind it does."""
    whole = cache.read_bytes()
    cache.write_bytes(whole[:100] + bytes(byte ^ 0x5A for byte in whole[100:]))


@pytest.mark.parametrize("damage", [_delete, _overwrite, _cut, _scramble], ids=lambda act: act.__name__.strip("_"))
def test_a_damaged_cache_does_not_stop_the_start(damage: Callable[[Path], None], centre: Centre, desk: Desk) -> None:
    """With `cache.db` gone or spoilt the gateway starts, asks the centre, and remembers again."""
    centre.behave()
    niks = centre.niks(ASKED)
    desk.warm(niks)
    assert desk.gateway.stop() == 0
    damage(desk.gateway.data / "cache.db")
    desk.gateway.start()
    desk.warm(niks)
    with centre.counting() as counted:
        assert {desk.ask(nik).body["source"] for nik in niks} == {"cache"}
    assert counted.calls == 0


def test_files_of_a_killed_gateway_do_not_hinder_the_next(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """A killed gateway leaves `gateway.pid` and `addresses.json` behind; the next one replaces them.

    It takes its own away when it ends.
    """
    centre.behave()
    gateway = ForkedGateway(nursery, tmp_path, centre.url).start()
    first = gateway.pid
    pid_file, addresses = gateway.data / "gateway.pid", gateway.data / "addresses.json"
    gateway.kill()
    stale = addresses.read_text()
    assert (pid_file.read_text(), alive(first)) == (f"{first}\n", False)
    arguments = ["serve", "--config", str(gateway.config_file)]
    second = nursery.fork(arguments, gateway.environ, gateway.folder, gateway.log_file)
    eventually(lambda: pid_file.read_text() == f"{second.pid}\n", 20.0, "the pid file is the new one's")
    eventually(lambda: addresses.read_text() != stale, 20.0, "the addresses are the new one's")
    gateway.url = json.loads(addresses.read_text())["gateway"]
    assert gateway.get("/health/ready")[0] == 200
    os.kill(second.pid, signal.SIGTERM)
    assert second.wait(20.0) == 0
    assert not pid_file.exists()
    assert not addresses.exists()
