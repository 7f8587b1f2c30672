"""What ended is destroyed after its time, wherever it lies; what keeps it twice is told."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from gateway.contract.submissions import SubmissionState as State
from gateway.database import Database, StorageFailed, lineage
from gateway.ledger import audit
from gateway.outbox.outbox import Ending
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.settings import Settings
from gateway.vault.keys import Keyring, create_secrets, rotate
from gateway.vault.signer import Signer
from gateway.wiring.backing_up import back_up, newest, read_manifest
from gateway.wiring.keeping import Retention, keep_copy, tell_returns
from gateway.wiring.offline import drop_keys, make_keys
from gateway.wiring.parts import open_blobs, open_ledger, open_ledger_database
from gateway.wiring.returning import mark
from tests.outbox.world import NIK, START, HandClock, World

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.vault.keys import Keyring as Ring

NAME = "SITI AMINAH"
DAY = 86_400.0
SOON = 10.0


class Rows(NamedTuple):
    """What a submission's content looks like in the database."""

    wrapped_key: bytes
    sealed: bytes


def settings_of(folder: Path, **more: Any) -> Settings:
    """A config whose second copy lies beside its data."""
    (folder / "copy").mkdir(exist_ok=True)
    replica = {"path": str(folder / "copy"), "same_device": True, "patience": SOON}
    return Settings.model_validate({"data": {"folder": str(folder / "var")}, "replica": replica, **more})


def content(database: Path) -> dict[str, Rows]:
    """All contents, by submission."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT submission, wrapped_key, sealed FROM payloads").fetchall()
    return {id_: Rows(wrapped, sealed) for id_, wrapped, sealed in rows}


def places_of(folder: Path, *needles: bytes) -> set[str]:
    """Files below a folder that hold any of those bytes."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.name for file in files if any(needle in file.read_bytes() for needle in needles)}


async def end_and_shred(settings: Settings, ring: Ring) -> tuple[str, str, Rows]:
    """Hand two in, let one end long ago, back up, and shred; ids of the ended one and of the other, and its content."""
    clock = HandClock(time.time())
    database = Database.open(settings.database_url({}))
    await keep_copy(settings, database)
    copy = database.second_copy
    assert copy is not None
    assert await asyncio.to_thread(copy.wait_until, "in_step", SOON)
    outbox = DatabaseOutbox(database, Sealer(ring, clock.now), clock)
    world = World(outbox, clock, database)
    ended, other = [await outbox.accept(world.new()) for _ in range(2)]
    assert ended.receipt.copies == 2
    for state in (State.CANCELLED,):
        await outbox.decide(ended.receipt.id, Ending(state), "test")
    await asyncio.to_thread(back_up, settings, {}, settings.data_folder.parent / "before", None, print)
    old = await asyncio.to_thread(content, settings.data_folder / "gateway.db")
    clock.at += 91 * DAY
    await Retention(settings, database, outbox, open_blobs(settings, database, ring, clock), clock).run()
    assert await asyncio.to_thread(copy.wait_scrubbed, SOON)
    assert await outbox.read(ended.receipt.id) is None
    assert await outbox.read(other.receipt.id) is not None
    await asyncio.to_thread(back_up, settings, {}, settings.data_folder.parent / "after", None, print)
    await database.close()
    return ended.receipt.id, other.receipt.id, old[ended.receipt.id]


def test_what_ended_is_nowhere_after_its_time(tmp_path: Path) -> None:
    """Names and NIKs stand nowhere, ever; after shredding neither does the sealed content nor its key.

    Only the backup of before still holds them: it ends with its own days, or when the master key is dropped.
    """
    settings = settings_of(tmp_path)
    make_keys(settings, {})
    ring = Keyring.load(settings.secrets_folder)
    ended, _, old = asyncio.run(end_and_shred(settings, ring))
    clear = (NIK.encode(), NAME.encode(), NIK.encode("utf-16-le"), NIK.encode().hex().encode())
    assert places_of(tmp_path, *clear) == set()
    for folder in ("var", "copy", "after"):
        assert places_of(tmp_path / folder, old.sealed[13:45], old.wrapped_key[17:]) == set()
    before = newest(tmp_path / "before")
    assert before is not None
    assert content(before / "gateway.db")[ended] == old
    assert Sealer(ring, time.time).open_(ended, *old) is not None


def test_old_bytes_do_not_open_once_the_master_is_dropped(tmp_path: Path) -> None:
    """Rotated, wrapped anew, dropped: the old backup's bytes and all living keys together open nothing of it."""
    settings = settings_of(tmp_path)
    make_keys(settings, {})
    ended, other, old = asyncio.run(end_and_shred(settings, Keyring.load(settings.secrets_folder)))
    rotate(settings.secrets_folder)
    assert drop_keys(settings, {}, days=0.0) == ([], ["master-1"])  # the other one still needs it
    ring = Keyring.load(settings.secrets_folder)

    async def wrap_anew() -> None:
        database, clock = Database.open(settings.database_url({})), HandClock(time.time())
        outbox = DatabaseOutbox(database, Sealer(ring, clock.now), clock)
        await Retention(settings, database, outbox, open_blobs(settings, database, ring, clock), clock).run()
        await database.close()

    asyncio.run(wrap_anew())
    young = settings.secrets_folder / "master-2.key"
    assert drop_keys(settings, {}, days=1.0) == ([], ["master-1"])  # younger than the backups that need it
    os.utime(young, (time.time() - 2 * DAY,) * 2)
    assert drop_keys(settings, {}, days=1.0) == (["master-1"], [])
    living = Sealer(Keyring.load(settings.secrets_folder), time.time)
    assert living.open_(ended, *old) is None
    assert living.open_(other, *content(settings.data_folder / "gateway.db")[other]) is not None


def test_without_a_copy_the_journal_is_emptied(tmp_path: Path) -> None:
    """On one copy too nothing of it stays in the write-ahead log."""
    settings = Settings.model_validate({"data": {"folder": str(tmp_path / "var")}})
    make_keys(settings, {})

    async def run() -> Rows:
        clock, database = HandClock(), Database.open(settings.database_url({}))
        ring = Keyring.load(settings.secrets_folder)
        outbox = DatabaseOutbox(database, Sealer(ring, clock.now), clock)
        ended = (await outbox.accept(World(outbox, clock, database).new())).receipt
        assert ended.copies == 1
        await outbox.act(ended.id, "cancel", "caller:desk000001")
        old = content(tmp_path / "var" / "gateway.db")[ended.id]
        retention = Retention(settings, database, outbox, open_blobs(settings, database, ring, clock), clock)
        await retention.run()
        assert await outbox.read(ended.id) is not None  # not yet
        clock.at = START + 91 * DAY
        await retention.run()
        assert places_of(tmp_path, old.sealed[13:45], old.wrapped_key[17:]) == set()
        await database.close()
        return old

    old = asyncio.run(run())
    assert places_of(tmp_path, old.sealed[13:45], old.wrapped_key[17:]) == set()


def test_the_ledger_is_told_of_a_return_once(tmp_path: Path) -> None:
    """A database put back by other means and marked: the next start writes it down, and the ledger verifies."""
    settings = settings_of(tmp_path, ledger={"enabled": True})
    make_keys(settings, {})
    create_secrets(settings.secrets_folder)
    ring = Keyring.load(settings.secrets_folder)
    assert mark(settings, {}) == 0

    async def start() -> None:
        clock, database = HandClock(time.time()), Database.open(settings.database_url({}))
        place = await keep_copy(settings, database)
        ledger = await open_ledger(settings, {}, ring, clock, place)
        await tell_returns(database, ledger)
        assert not await database.read(lineage.untold)
        assert ledger is not None
        await ledger.close()
        await database.close()

    asyncio.run(start())
    asyncio.run(start())
    found = open_ledger_database(settings, {})
    report = audit.verify(found, Signer(ring).public)
    kinds = [line.record for _, line in audit.export(found)]
    found.close_sync()
    assert report.faults == ()
    assert sum(b'"returned"' in record for record in kinds) == 1


def test_a_backup_names_the_keys_it_needs_and_holds_none(tmp_path: Path) -> None:
    """Whoever finds it alone can read nothing; older ones go after their days."""
    settings = settings_of(tmp_path)
    make_keys(settings, {})
    first, manifest = back_up(settings, {}, tmp_path / "backups", None, print)
    assert manifest.keys == ["index", "master-1", "pepper"]
    secrets = [bytes.fromhex(key.read_text().strip()) for key in settings.secrets_folder.glob("*.key")]
    assert places_of(first, *secrets, *(secret.hex().encode() for secret in secrets)) == set()
    assert read_manifest(first) == manifest
    old = first.with_name("2020-01-01T00-00-00Z")
    first.rename(old)
    second, _ = back_up(settings, {}, tmp_path / "backups", 0.0, print)
    assert [each.name for each in (tmp_path / "backups").iterdir()] == [second.name]


def test_a_backup_that_was_interrupted_goes_too(tmp_path: Path) -> None:
    """One that fails takes its folder along; what a killed one left goes after its days, and nothing of others."""
    settings = settings_of(tmp_path)
    make_keys(settings, {})
    backups = tmp_path / "backups"

    def fail(text: str) -> None:
        raise OSError(text)

    with pytest.raises(StorageFailed):
        back_up(settings, {}, backups, None, fail)
    assert list(backups.iterdir()) == []
    killed, foreign = backups / "2020-01-01T00-00-00Z", backups / "holiday"
    for folder in (killed, foreign):
        folder.mkdir()
        (folder / "gateway.db").write_bytes(b"half")
    back_up(settings, {}, backups, None, print)
    assert killed.exists()
    (backups / newest(backups).name).rename(backups / "first")  # type: ignore[union-attr]  # there is one
    second, _ = back_up(settings, {}, backups, 30.0, print)
    assert {each.name for each in backups.iterdir()} == {"first", second.name, "holiday"}
