"""The second copy holds whatever it says it holds, and never says so wrongly."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gateway.database import Database
from gateway.database.second_copy import Bounds, CopyPlace, SecondCopy
from gateway.database.second_copy.assemble import assemble
from gateway.database.second_copy.log import epochs, log_file, read_head, read_records
from gateway.database.second_copy.place import CONSENT, CopyFault, CopyRefused, fault_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = Bounds(frames=20, large=60_000, piece=4)
"""Journal and log are begun anew all the time, and nearly everything is copied in pieces."""

SOON = 10.0


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with one table, in a folder of its own."""
    (tmp_path / "var").mkdir()
    (tmp_path / "copy").mkdir()
    path = tmp_path / "var" / "gateway.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE things (number INTEGER PRIMARY KEY, thing BLOB)")
    return path


def place_of(database: Path, *, owner: str = "ours", same_device: bool = True, patience: float = SOON) -> CopyPlace:
    """The copy's place beside the database's folder."""
    return CopyPlace(database.parent.parent / "copy", owner, same_device, patience)


@contextmanager
def copying(database: Path, place: CopyPlace | None = None, bounds: Bounds = SMALL) -> Iterator[SecondCopy]:
    """A copy that is being kept."""
    copy = SecondCopy(database, place or place_of(database), bounds)
    copy.start()
    yield copy
    assert copy.close(SOON)


@contextmanager
def writer(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose statements are commits."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=SOON)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        yield connection


def put(connection: sqlite3.Connection, size: int = 300) -> None:
    """One commit."""
    connection.execute("INSERT INTO things (thing) VALUES (randomblob(?))", (size,))


def rows(path: Path) -> list[tuple[int, bytes]]:
    """All that is in a database."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT * FROM things ORDER BY number").fetchall()


def restored(database: Path) -> list[tuple[int, bytes]]:
    """All that is in the copy as it lies there now; taken again where a base was finished meanwhile."""
    taken, there = database.parent.parent / "taken", place_of(database).of(database)
    before = None
    while before != (before := epochs(there)):
        shutil.rmtree(taken, ignore_errors=True)
        with suppress(shutil.Error):
            shutil.copytree(there, taken, ignore=shutil.ignore_patterns("*.part"))
    target = database.parent.parent / "restored.db"
    assemble(taken, target)
    return rows(target)


def test_whatever_is_covered_is_in_the_copy(database: Path) -> None:
    """Two writers, a journal and a log begun anew all the time, contents deleted: each covered commit is there."""
    write_and_compare(database, seed=1, rounds=60)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_covered_is_in_the_copy_for_long(database: Path, seed: int) -> None:
    """Whatever a receipt of two copies covered is in the copy, under stress."""
    write_and_compare(database, seed, rounds=1000)


def write_and_compare(database: Path, seed: int, rounds: int) -> None:
    """Write by turns, and hold the copy against the database now and then."""
    rng = random.Random(seed)
    with writer(database) as one, writer(database) as other:
        with copying(database) as copy:
            assert copy.wait_until("in_step", SOON)
            for round_ in range(rounds):
                for _ in range(rng.randrange(4)):
                    put(rng.choice((one, other)), rng.choice((10, 300, 9000)))
                if rng.random() < 0.05:
                    one.execute("DELETE FROM things WHERE number % 3 = 0")
                    copy.scrub()
                if rng.random() < 0.03:
                    other.execute("PRAGMA wal_checkpoint(PASSIVE)")
                assert copy.covers()
                if round_ % 20 == 0:
                    assert restored(database) == rows(database)
            assert copy.wait_scrubbed(SOON)
        assert restored(database) == rows(database)


def test_it_begins_anew_with_each_start(database: Path) -> None:
    """What was written while no gateway ran is in the copy after the next start, and the older base is gone."""
    for start in range(1, 4):
        with writer(database) as one:
            put(one)
            with copying(database) as copy:
                assert copy.wait_until("in_step", SOON)
                put(one)
                assert copy.covers()
            put(one)
        assert epochs(place_of(database).of(database)) == {"base": {start}, "log": {start}}
    assert len(restored(database)) == 8  # of nine, the last came after the copy had ended


def test_a_device_that_goes_away_and_comes_back(database: Path) -> None:
    """Without it there is one copy and an alarm; once it is back there are two again, by themselves."""
    folder = place_of(database).folder
    with writer(database) as one, copying(database) as copy:
        assert copy.wait_until("in_step", SOON)
        folder.rename(folder.with_name("unplugged"))
        put(one)
        assert not copy.covers()
        assert (copy.state, copy.fault) == ("away", CopyFault.NOT_THERE)
        folder.with_name("unplugged").rename(folder)
        assert copy.wait_until("in_step", SOON)
        put(one)
        assert copy.covers()
    assert restored(database) == rows(database)


def test_what_was_missed_is_copied_in_pieces(database: Path) -> None:
    """However much it was: no record holds more than the bound and one commit, so neither does memory."""
    folder, bounds = place_of(database).of(database), Bounds(piece=50)
    with writer(database) as one, copying(database, bounds=bounds) as copy:
        assert copy.wait_until("in_step", SOON)
        for size in (5000, 100_000) * 40:
            put(one, size)
        assert copy.covers()
        assert restored(database) == rows(database)
        (epoch,) = epochs(folder)["log"]
        with log_file(folder, epoch).open("rb") as file:
            assert read_head(file) is not None
            sizes = [len(record.pages.pages) for record in read_records(file)]
    assert sum(sizes) > 10 * bounds.piece
    assert max(sizes) <= bounds.piece + 100_000 // 4096 + 5


def test_a_copy_that_was_deleted_counts_no_more(database: Path) -> None:
    """Its files are still open, and written to: nobody would ever find them."""
    with writer(database) as one, copying(database) as copy:
        assert copy.wait_until("in_step", SOON)
        shutil.rmtree(place_of(database).of(database))
        put(one)
        assert not copy.covers()
        assert copy.wait_until("in_step", SOON)
        assert restored(database) == rows(database)


def test_a_slow_device_gives_the_lesser_receipt(database: Path) -> None:
    """The writer waits no longer than it may; the copy goes on by itself."""
    place = place_of(database, patience=0.0)
    with writer(database) as one, copying(database, place) as copy:
        assert copy.wait_until("in_step", SOON)
        put(one)
        assert not copy.covers()
        assert copy.wait_until("in_step", SOON)
    assert restored(database) == rows(database)


def test_the_same_device_is_refused(database: Path) -> None:
    """Both would burn together."""
    with copying(database, place_of(database, same_device=False)) as copy:
        assert copy.wait_until("away", SOON)
        assert copy.fault == CopyFault.SAME_DEVICE
        assert not copy.covers()


def test_the_copy_of_another_installation_is_left_alone(database: Path) -> None:
    """It may be all that is left of it."""
    with copying(database) as copy:
        assert copy.wait_until("in_step", SOON)
    before = restored(database)
    with copying(database, place_of(database, owner="theirs")) as copy:
        assert copy.wait_until("away", SOON)
        assert copy.fault == CopyFault.FOREIGN
    assert restored(database) == before


def test_a_folder_that_was_emptied_is_no_device(database: Path) -> None:
    """A device that is not mounted leaves an empty folder; a new one is told by a file on it."""
    folder = place_of(database).folder
    with copying(database) as copy:
        assert copy.wait_until("in_step", SOON)
    shutil.rmtree(folder)
    folder.mkdir()
    with copying(database) as copy:
        assert copy.wait_until("away", SOON)
        assert copy.fault == CopyFault.EMPTIED
        (folder / CONSENT).touch()
        assert copy.wait_until("in_step", SOON)
        assert not (folder / CONSENT).exists()


def test_a_database_tells_how_many_copies_hold_a_write(database: Path) -> None:
    """One without a copy, two with one; work that failed tells nothing."""

    async def run() -> list[int]:
        alone, doubled = Database.open(f"sqlite:///{database}"), Database.open(f"sqlite:///{database}")
        copy = doubled.keep_copy(place_of(database))
        assert await asyncio.to_thread(copy.wait_until, "in_step", SOON)
        work = sa.text("INSERT INTO things (thing) VALUES ('x')")
        counts = [
            (await each.write_kept(lambda connection: connection.execute(work).rowcount)) for each in (alone, doubled)
        ]
        await alone.close()
        await doubled.close()
        return [copies for _, copies in counts]

    assert asyncio.run(run()) == [1, 2]


def test_a_torn_end_is_left_out(database: Path) -> None:
    """Power cut while the copy was written: every acknowledged commit is in it, however the rest was torn."""
    cut_and_compare(database, cuts=10)


@pytest.mark.soak
def test_a_torn_end_is_left_out_two_hundred_times(database: Path) -> None:
    """A log of pages torn at two hundred places is read up to its last whole commit."""
    cut_and_compare(database, cuts=200)


def cut_and_compare(database: Path, cuts: int) -> None:
    """Write a log, then tear what was not synced yet after some commit, again and again."""
    rng = random.Random(1)
    synced = []
    with writer(database) as one, copying(database, bounds=Bounds()) as copy:
        assert copy.wait_until("in_step", SOON)
        (log,) = place_of(database).of(database).glob("*.log")
        for _ in range(40):
            put(one, rng.choice((10, 5000)))
            assert copy.covers()
            synced.append(log.stat().st_size)
    target = database.with_name("restored.db")
    for _ in range(cuts):
        commits = rng.randrange(len(synced))
        taken = database.with_name("torn")
        shutil.copytree(log.parent, taken, dirs_exist_ok=True)
        tear(taken / log.name, synced[commits], rng)
        assemble(taken, target)
        assert len(rows(target)) >= commits + 1


def tear(file: Path, durable: int, rng: random.Random) -> None:
    """Keep, lose or spoil each sector behind what was synced."""
    content = bytearray(file.read_bytes())
    for start in range(durable - durable % 512, len(content), 512):
        fate = rng.choice(("kept", "lost", "spoilt"))
        sector = slice(max(start, durable), start + 512)
        length = len(content[sector])
        if fate != "kept":
            content[sector] = bytes(length) if fate == "lost" else rng.randbytes(length)
    file.write_bytes(content[: rng.randrange(durable, len(content) + 1)])


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (OSError(28, "full"), CopyFault.DISK_FULL),
        (OSError(30, "read-only"), CopyFault.READ_ONLY),
        (OSError(5, "broken"), CopyFault.INPUT_OUTPUT),
        (OSError(19, "gone"), CopyFault.NOT_THERE),
        (CopyRefused(CopyFault.FOREIGN), CopyFault.FOREIGN),
        (ValueError(), CopyFault.JOURNAL),
    ],
)
def test_every_fault_has_a_name(error: Exception, fault: CopyFault) -> None:
    """Operators are told why there is one copy only."""
    assert fault_of(error) is fault
