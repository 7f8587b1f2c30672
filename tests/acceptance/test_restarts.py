"""Restarts, wanted and not, while the centre is away: what was remembered before is answered after, with its age."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gateway.testing.processes import GatewayProcess
from tests.acceptance.stage import alive, ask, assert_honest_age, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.stage import Answered, Centre

ASKED = 5
DEADLINE = 1.0


def stored(gateway: GatewayProcess) -> int:
    """Answers on disk."""
    with closing(sqlite3.connect(f"file:{gateway.data / 'cache.db'}?mode=ro", uri=True)) as cache:
        found: int = cache.execute("select count(*) from answers").fetchone()[0]
    return found


def warm(gateway: GatewayProcess, key: str, niks: list[str]) -> list[Answered]:
    """Answers of the centre that are remembered on disk."""
    answers = [ask(gateway, key, nik) for nik in niks]
    assert {answer.body["source"] for answer in answers} == {"centre"}
    eventually(lambda: stored(gateway) >= len(niks), 5.0, "the answers are on disk")
    return answers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_while_the_centre_is_away_keeps_what_was_known(
    number: signal.Signals, centre: Centre, tmp_path: Path
) -> None:
    """After SIGTERM or SIGKILL with the centre gone, what was asked before is answered with the age it truly has."""
    centre.behave()
    *known, unknown = centre.niks(ASKED + 1)
    gateway = GatewayProcess(tmp_path, centre.url)
    key = gateway.add_client("desk")
    with gateway:
        before = warm(gateway, key, known)
        centre.behave(mode="refuse")
        gateway.signal(number)
        assert gateway.wait() == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        gateway.start()
        for nik, earlier in zip(known, before, strict=True):
            again = ask(gateway, key, nik, deadline=DEADLINE)
            assert_honest_age(again)
            assert (again.body["as_of"], again.nik) == (earlier.body["as_of"], nik)
            assert again.body["resident"] == earlier.body["resident"]
        assert ask(gateway, key, unknown, deadline=DEADLINE).code == "centre_unreachable"


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
def test_a_damaged_cache_does_not_stop_the_start(
    damage: Callable[[Path], None], centre: Centre, tmp_path: Path
) -> None:
    """With `cache.db` gone or spoilt the gateway starts, asks the centre, and remembers again."""
    centre.behave()
    niks = centre.niks(ASKED)
    gateway = GatewayProcess(tmp_path, centre.url)
    key = gateway.add_client("desk")
    with gateway:
        warm(gateway, key, niks)
        gateway.stop()
        damage(gateway.data / "cache.db")
        gateway.start()
        assert [ask(gateway, key, nik).status for nik in niks] == [200] * ASKED
        with centre.counting() as counted:
            assert {ask(gateway, key, nik).body["source"] for nik in niks} == {"cache"}
        assert counted.calls == 0
        eventually(lambda: stored(gateway) >= ASKED, 5.0, "the answers are on disk again")


def test_files_of_a_killed_gateway_do_not_hinder_the_next(centre: Centre, tmp_path: Path) -> None:
    """A killed gateway leaves `gateway.pid` and `addresses.json` behind; the next one replaces them.

    It takes its own away when it ends.
    """
    centre.behave()
    gateway = GatewayProcess(tmp_path, centre.url).start()
    first = gateway.pid
    pid_file, addresses = gateway.data / "gateway.pid", gateway.data / "addresses.json"
    gateway.kill()
    stale = addresses.read_text()
    assert (pid_file.read_text(), alive(first)) == (f"{first}\n", False)
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(gateway.config_file)]
    with gateway.log_file.open("ab") as log, subprocess.Popen(command, env=gateway.environ, stderr=log) as second:
        eventually(lambda: pid_file.read_text() == f"{second.pid}\n", 20.0, "the pid file is the new one's")
        eventually(lambda: addresses.read_text() != stale, 5.0, "the addresses are the new one's")
        gateway.url = json.loads(addresses.read_text())["gateway"]
        assert gateway.get("/health/ready")[0] == 200
        second.terminate()
        assert second.wait(10) == 0
    assert not pid_file.exists()
    assert not addresses.exists()
