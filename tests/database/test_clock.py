"""The database's own clock."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import sqlalchemy as sa

import gateway
from gateway.database import Database
from gateway.database.clock import now_by, now_in

APART = 60.0
"""Seconds by which a machine of tests may differ from itself."""


def test_it_tells_unix_seconds_and_goes_on_within_a_transaction(url: str) -> None:
    """Both databases tell the time of the statement in our units, asked for alone or as a part of another."""

    def work(connection: sa.Connection) -> tuple[float, float, bool]:
        first = now_by(connection)
        while (second := now_by(connection)) <= first:
            pass
        since = connection.execute(sa.select(now_in(connection) + 5.0 > first)).scalar_one()
        return first, second, bool(since)

    database = Database.open(url, durable=False)
    first, second, since = database.write_sync(work)
    asyncio.run(database.close())
    assert abs(first - time.time()) < APART
    assert second > first
    assert since


def test_it_is_spelled_in_one_place() -> None:
    """No other module of the gateway knows how a database tells the time."""
    files = Path(gateway.__file__).parent.rglob("*.py")
    spelled = [file.name for file in files if {"julianday", "clock_timestamp"} & set(_words(file))]
    assert spelled == ["clock.py"]


def _words(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").replace("(", " ").replace(")", " ").split()
