"""On PostgreSQL a receipt says two copies only if a synchronous standby holds the commit."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from gateway.cli.checkup_copies import copies
from gateway.database import Database
from gateway.database.copies import ASKED_EVERY, StandbyCopies
from gateway.database.errors import DatabaseError
from gateway.settings import Settings
from gateway.testing.postgres import binaries
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

STANDBY = "pg_receivewal"
"""PostgreSQL's own receiver counts as a standby: it flushes what it gets."""

pytestmark = pytest.mark.postgres


@contextmanager
def waiting_for_standby(url: str) -> Iterator[psycopg.Connection]:
    """A server whose commits wait for the standby."""
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
            connection.execute("SELECT pg_reload_conf()")
            until(connection, "SELECT current_setting('synchronous_standby_names') <> ''")
            yield connection
        finally:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")


@contextmanager
def standby(connection: psycopg.Connection, folder: Path) -> Iterator[None]:
    """A standby that is in step."""
    where = [f"--{name}={getattr(connection.info, name)}" for name in ("host", "port")]
    command = [str(binaries() / STANDBY), *where, "--username=gateway", f"--directory={folder}", "--synchronous"]
    with subprocess.Popen([*command, "--no-loop"], stderr=subprocess.DEVNULL) as receiver:
        try:
            until(connection, "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'")
            yield
        finally:
            receiver.terminate()


def until(connection: psycopg.Connection, question: str) -> None:
    """Ask the server until it says yes."""
    eventually(lambda: connection.execute(question, prepare=False).fetchone() == (True,), what=question)


def make(connection: sa.Connection) -> None:
    """Something to commit."""
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS things (number int)")
    connection.exec_driver_sql("INSERT INTO things VALUES (1)")


def verdict(url: str) -> str:
    """What `doctor` says."""
    (finding,) = copies(Settings.model_validate({"database": {"url": url}}), {})
    return finding.verdict


def test_two_copies_only_with_a_standby_that_answered(postgres_url: str, tmp_path: Path) -> None:
    """None asked for: one. Asked for and away: the wait is cancelled, so one. In step: two."""

    async def run() -> list[int]:
        database = Database.open(postgres_url)
        database._writer.copies = StandbyCopies(patience=0.2)
        found = [(await database.write_kept(make))[1]]
        assert verdict(postgres_url) == "warn"
        asked = time.monotonic()
        with waiting_for_standby(postgres_url) as connection:
            while time.monotonic() < asked + ASKED_EVERY:
                connection.execute("SELECT 1")
            found.append((await database.write_kept(make))[1])
            found.append((await database.write_kept(make))[1])  # this one did not wait
            assert verdict(postgres_url) == "bad"
            database._writer.copies = StandbyCopies()
            with standby(connection, tmp_path):
                found.append((await database.write_kept(make))[1])
                assert verdict(postgres_url) == "ok"
            await database.close()
        return found

    assert asyncio.run(run()) == [1, 1, 1, 2]


def clash(connection: sa.Connection) -> None:
    """Something whose commit is refused."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS clashes")
    connection.exec_driver_sql("CREATE TABLE clashes (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    connection.exec_driver_sql("INSERT INTO clashes VALUES (1), (1)")


def test_nothing_is_cancelled_after_a_commit_that_failed(postgres_url: str) -> None:
    """A refused commit is watched no longer: the timer that would cancel the connection's next work is over."""

    async def run() -> None:
        database = Database.open(postgres_url)
        database._writer.copies = StandbyCopies(patience=3600.0)
        with waiting_for_standby(postgres_url), pytest.raises(DatabaseError):
            await database.write(clash)
        await database.close()

    asyncio.run(run())
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for timer in timers:
        timer.join(1.0)
    assert not [timer for timer in timers if timer.is_alive()]
