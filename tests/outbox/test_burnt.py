"""A machine that burns at any moment: from the second copy on an empty machine nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.outbox.follow_store import DatabaseFollowing
from gateway.outbox.sealing import Sealer
from gateway.settings import Settings
from gateway.wiring.backing_up import back_up
from gateway.wiring.clock import SystemClock
from gateway.wiring.returning import restore
from tests.outbox.test_kills import verdict
from tests.outbox.world import KEYRING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.wiring.returning import Restored

EACH = 25
"""Hand-ins of one life."""


class Region:
    """Machines that burn, the device with the second copy, backups, and the centre.

    Attributes:
        promised: Ids by key of the receipts that say two copies.
        longest: Seconds of the slowest return.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copy, self.backups, self.centre = folder / "copy", folder / "backups", folder / "centre.db"
        self.copy.mkdir()
        self.promised: dict[str, str] = {}
        self.machine = 0
        self.longest = 0.0
        migrate(self.url)

    @property
    def settings(self) -> Settings:
        """The config of the present machine."""
        return Settings.model_validate({"data": {"folder": str(self.folder / f"machine-{self.machine}")}})

    @property
    def url(self) -> str:
        """Its database."""
        self.settings.data_folder.mkdir(exist_ok=True)
        return f"sqlite:///{self.settings.data_folder}/gateway.db"

    def live(self, first: int, burns_after: int | None, last: int | None = None) -> None:
        """Hand in from one key on, and burn after so many receipts, or drain."""
        last = last or first + (EACH if burns_after is not None else 2)
        command = [sys.executable, "-m", "tests.outbox.victim", self.url, str(self.centre), str(first), str(last)]
        with subprocess.Popen([*command, str(self.copy)], stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            drained = False
            for number, line in enumerate(victim.stdout):
                word, *rest = line.split()
                drained |= word == "drained"
                if word == "accepted":
                    key, id_, copies = rest
                    assert copies == "2"
                    assert self.promised.setdefault(key, id_) == id_
                if number == burns_after:
                    shutil.rmtree(self.settings.data_folder, ignore_errors=True)  # while it still runs
                    victim.kill()
        assert drained or burns_after is not None

    def move_in(self, backup: Path | None = None) -> Restored:
        """Put everything back on an empty machine."""
        self.machine += 1
        started = time.monotonic()
        restored = restore(self.settings, {}, backup, self.copy, nothing)
        self.longest = max(self.longest, time.monotonic() - started)
        return restored

    def verdict(self) -> tuple[int, int]:
        """How many were lost, how many doubled."""
        with closing(sqlite3.connect(self.centre)) as file:
            effects = Counter(row[0] for row in file.execute("SELECT reference FROM effects"))
        return verdict(self.promised, effects)


def nothing(_text: str) -> None:
    """Progress nobody watches."""


def burn_and_return(region: Region, fires: int, seed: int, before: Callable[[Region], Path | None]) -> None:
    """Burn again and again, and let the last machine drain."""
    rng = random.Random(seed)
    for fire in range(fires):
        region.live(fire * EACH, rng.randrange(3, EACH))
        assert region.move_in(before(region)).how == "copy"
    region.live(fires * EACH - 5, None)
    assert region.verdict() == (0, 0)


def test_burnt_and_restored_from_an_old_backup_and_the_copy(tmp_path: Path) -> None:
    """One fire among hand-ins and calls whose answers get lost: every receipt of two copies has exactly one effect.

    The copy is fuller than the backup of an earlier day, and is taken.
    """
    region = Region(tmp_path)
    back_up(region.settings, {}, region.backups, None, nothing)
    burn_and_return(region, 1, seed=3, before=lambda _region: region.backups)
    assert len(region.promised) >= 3


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_burnt_and_only_an_old_backup_is_left(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Callers name the ids of their receipts and hand in anew, fire after fire: the same ids, each with one effect."""
    region, rng = Region(tmp_path), random.Random(5)
    back_up(region.settings, {}, region.backups, None, nothing)
    for _ in range(10):
        known = len(region.promised)
        region.live(0, known + rng.randrange(3, EACH), known + EACH)
        region.machine += 1
        assert restore(region.settings, {}, region.backups, None, nothing).submissions == 0
        assert len(asyncio.run(recall(region))) == len(region.promised)
    region.live(0, None, len(region.promised))
    record_property("receipts of two copies", len(region.promised))
    assert region.verdict() == (0, 0)
    assert len(region.promised) > EACH


async def recall(region: Region) -> tuple[str, ...]:
    """Name the ids of all receipts, as an admin does."""
    clock, database = SystemClock(), Database.open(region.url)
    try:
        return await DatabaseFollowing(database, Sealer(KEYRING, clock.now), clock).recall([*region.promised.values()])
    finally:
        await database.close()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("with_backup", [False, True])
def test_burnt_many_times(tmp_path: Path, record_property: Callable[[str, object], None], *, with_backup: bool) -> None:
    """Fifty fires, with a day-old backup beside the copy and without: nothing acknowledged is lost or doubled."""
    region = Region(tmp_path)
    if with_backup:
        back_up(region.settings, {}, region.backups, None, nothing)
    burn_and_return(region, 50, seed=4, before=lambda _region: region.backups if with_backup else None)
    record_property("receipts of two copies", len(region.promised))
    record_property("slowest return in seconds", round(region.longest, 2))
