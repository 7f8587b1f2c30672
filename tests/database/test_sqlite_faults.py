"""What the gateway makes of a SQLite file that is locked, full, broken or gone."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from gateway.database import BadDatabaseUrl, Database, StorageFailed, StorageFault, Tuning

if TYPE_CHECKING:
    from collections.abc import Callable

IMPATIENT = Tuning(busy_seconds=0.05)


def make_table(connection: sa.Connection) -> None:
    """A table for blobs."""
    connection.exec_driver_sql("CREATE TABLE things (size INTEGER, thing BLOB)")


def put(size: int) -> Callable[[sa.Connection], None]:
    """Work that stores so many bytes."""

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO things VALUES (:size, :thing)"), {"size": size, "thing": bytes(size)})

    return work


def sizes(connection: sa.Connection) -> list[int]:
    """The sizes stored, in order."""
    return list(connection.exec_driver_sql("SELECT size FROM things ORDER BY size").scalars())


def pragma(setting: str) -> Callable[[sa.Connection], object]:
    """Work that reads a setting of SQLite."""
    return lambda connection: connection.exec_driver_sql(f"PRAGMA {setting}").scalar_one()


def fault(error: object) -> StorageFault | None:
    """Why the storage failed; None for anything else."""
    return error.fault if isinstance(error, StorageFailed) else None


def path_of(url: str) -> str:
    """The file of a SQLite URL."""
    return url.removeprefix("sqlite:///")


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_a_durable_file_is_synced_in_full(sqlite_url: str, synchronous: int, *, durable: bool) -> None:
    """Durable databases run in WAL with `synchronous=FULL`, expendable ones with `NORMAL`; foreign keys hold."""
    database = Database.open(sqlite_url, durable=durable)
    for setting, value in {"journal_mode": "wal", "synchronous": synchronous, "foreign_keys": 1}.items():
        assert database.write_sync(pragma(setting)) == value
    database.close_sync()


def test_only_the_owner_can_read_it(sqlite_url: str, tmp_path: Path) -> None:
    """Folder, file and journals are made for the owner alone."""
    database = Database.open(sqlite_url)
    database.write_sync(make_table)
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
    modes = {each.name: each.stat().st_mode & 0o777 for each in (tmp_path / "var").iterdir()}
    assert {"gateway.db", "gateway.db-wal", "gateway.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    database.close_sync()


def test_a_file_others_can_read_is_left_but_used(sqlite_url: str) -> None:
    """A file the admin opened to others keeps its mode; it is the admin's."""
    Database.open(sqlite_url).close_sync()
    file = Path(path_of(sqlite_url))
    file.chmod(0o640)
    database = Database.open(sqlite_url)
    database.write_sync(make_table)
    assert file.stat().st_mode & 0o777 == 0o640
    database.close_sync()


def test_a_folder_that_cannot_be_made_is_a_storage_failure(tmp_path: Path) -> None:
    """Opening below something that is no folder fails with the contract's error."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed):
        Database.open(f"sqlite:///{tmp_path}/file/gateway.db")


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:", "sqlite:////x/y.db?mode=ro"]
)
def test_other_urls_are_refused(url: str) -> None:
    """Only SQLite files and PostgreSQL are databases here; the text says so."""
    with pytest.raises(BadDatabaseUrl, match="expected sqlite:///<path>"):
        Database.open(url)


def test_a_locked_file_refuses_and_recovers(sqlite_url: str) -> None:
    """While another process holds the lock writes fail as locked, reads go on; afterwards writes pass again."""

    async def story() -> None:
        database = Database.open(sqlite_url, tuning=IMPATIENT)
        await database.write(make_table)
        other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(database.write(put(1)) for _ in range(3)), return_exceptions=True)
        assert {fault(each) for each in results} == {StorageFault.LOCKED}
        assert await database.read(sizes) == []
        other.execute("ROLLBACK")
        other.close()
        await database.write(put(2))
        assert await database.read(sizes) == [2]
        await database.close()

    asyncio.run(story())


def test_a_full_disk_fails_what_does_not_fit(sqlite_url: str) -> None:
    """When the file may not grow, the work that needs room fails as full, what fits beside it is kept."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=20")

    async def story() -> None:
        database = Database.open(sqlite_url)
        event.listen(database._engine, "connect", limit)
        await database.write(make_table)
        works = [asyncio.create_task(database.write(put(size))) for size in (1, 2, 500_000, 3)]
        results = await asyncio.gather(*works, return_exceptions=True)
        assert [fault(each) for each in results] == [None, None, StorageFault.DISK_FULL, None]
        with pytest.raises(StorageFailed):
            await database.write(put(500_000))
        assert await database.read(sizes) == [1, 2, 3]
        await database.close()

    asyncio.run(story())


_LIMITED_PROCESS = """
import asyncio, resource, sys
from gateway.database import Database, StorageFailed

async def story(url):
    database = Database.open(url)
    await database.write(lambda c: c.exec_driver_sql("CREATE TABLE things (thing BLOB)") and None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    put = lambda c: c.exec_driver_sql("INSERT INTO things VALUES (zeroblob(300000))") and None
    kept = failed = 0
    for _ in range(4):
        try:
            await database.write(put)
            kept += 1
        except StorageFailed as error:
            failed += 1
    assert not await database.writable(within=5) or kept, "nothing fits"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await database.write(put)
    stored = await database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM things").scalar_one())
    await database.close()
    print(kept, failed, stored)

asyncio.run(story(sys.argv[1]))
"""


def test_a_file_that_cannot_grow_heals_by_itself(sqlite_url: str) -> None:
    """When the system refuses to let the files grow, writes fail and leave nothing; later they pass, unaided."""
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED_PROCESS, sqlite_url], capture_output=True, text=True, check=True, timeout=60
    )
    kept, failed, stored = map(int, done.stdout.split()[-3:])
    assert failed > 0
    assert kept + failed == 4
    assert stored == kept + 1


def test_a_file_of_junk_is_corrupt(sqlite_url: str, tmp_path: Path) -> None:
    """A file that is no database is reported as corrupt, for reads and writes."""

    async def story() -> None:
        (tmp_path / "var").mkdir()
        (tmp_path / "var" / "gateway.db").write_bytes(b"junk" * 1000)
        database = Database.open(sqlite_url)
        for use in (database.read, database.write):
            with pytest.raises(StorageFailed) as caught:
                await use(sizes)
            assert caught.value.fault is StorageFault.CORRUPT
        assert not await database.writable()
        await database.close()

    asyncio.run(story())


def test_a_vanished_folder_is_gone(sqlite_url: str, tmp_path: Path) -> None:
    """A file that cannot be opened any more is reported, not made anew elsewhere."""
    database = Database.open(sqlite_url)
    (tmp_path / "var" / "gateway.db").unlink()
    (tmp_path / "var").rmdir()
    with pytest.raises(StorageFailed) as caught:
        database.write_sync(make_table)
    assert caught.value.fault is StorageFault.GONE
    database.close_sync()


def test_a_commit_that_fails_fails_its_whole_batch(sqlite_url: str) -> None:
    """Nobody of a batch is told that it was stored when the commit failed, and nothing of it is."""

    async def story() -> None:
        database = Database.open(sqlite_url)
        await database.write(make_table)

        def refuse(connection: sa.Connection) -> None:
            raw: Any = connection.connection.dbapi_connection
            raw.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)

        event.listen(database._engine, "commit", refuse, once=True)
        results = await asyncio.gather(*(database.write(put(1)) for _ in range(3)), return_exceptions=True)
        assert [getattr(each, "executed", None) for each in results] == ["unknown"] * 3
        assert await database.read(sizes) == []
        await database.close()

    asyncio.run(story())
