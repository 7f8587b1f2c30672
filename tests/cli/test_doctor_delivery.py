"""What `doctor` says of files, of the centre's decisions and of notifications."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gateway.cli.checkup_delivery import deliveries, uploads
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.outbox.tables import CURSORS, DELIVERIES
from gateway.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.cli.finding import Finding

RIGHT = {"title": "Dinas", "user_id": "dukcapil_sampang", "fields": "all", "purposes": ["pelayanan"]}


def settings_of(tmp_path: Path, *, hands_in: bool = True, **blobs: object) -> Settings:
    """A config whose one right may hand something in, or not."""
    right = {**RIGHT, "services": {"biodata": "35-27/x/CALL_NIK"}, "submissions": ["ktp"] if hands_in else []}
    data = {"data": {"folder": str(tmp_path)}, "rights": {"sampang": right}}
    return Settings.model_validate({**data, "blobs": blobs})


def verdicts(found: list[Finding]) -> list[tuple[str, str]]:
    """Subjects and verdicts; each that is not well has a cure."""
    assert all(one.cure or one.verdict == "ok" for one in found)
    return [(one.subject, one.verdict) for one in found]


@pytest.mark.parametrize(
    ("age", "dead", "expected"),
    [
        (None, 0, [("events", "warn"), ("notices", "ok")]),
        (10.0, 1, [("events", "ok"), ("notices", "warn")]),
        (900.0, 0, [("events", "warn"), ("notices", "ok")]),
    ],
)
def test_late_events_and_dead_notifications_are_told(
    tmp_path: Path, age: float | None, dead: int, expected: list[tuple[str, str]]
) -> None:
    """When all events were read, and how many notifications a person must look at."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    assert list(deliveries(settings_of(tmp_path), {})) == []  # no database yet: told with the database
    migrate(url)

    def work(connection: sa.Connection) -> None:
        if age is not None:
            row = {"name": "centre:sampang", "epoch": 0, "at_seq": 1, "read_at": time.time() - age}
            connection.execute(sa.insert(CURSORS), row)
        for number in range(dead):
            told = {"notice": number, "notifier": "webhook", "target": "x", "tries": 9, "code": "status"}
            times = {"first_at": 0.0, "next_at": 0.0}
            connection.execute(sa.insert(DELIVERIES), {**told, **times, "state": "dead"})

    database = Database.open(url)
    database.write_sync(work)
    database.close_sync()
    assert verdicts(list(deliveries(settings_of(tmp_path), {}))) == expected
    assert verdicts(list(deliveries(settings_of(tmp_path, hands_in=False), {}))) == expected[1:]


def test_a_disk_for_files_that_is_full_or_missing_is_told(tmp_path: Path) -> None:
    """Refused files are bad; a folder of its own that is not mounted is told, one not made yet is nothing."""
    assert list(uploads(settings_of(tmp_path), {})) == []
    assert verdicts(list(uploads(settings_of(tmp_path, folder=str(tmp_path / "disk")), {}))) == [("uploads", "warn")]
    (tmp_path / "blobs").mkdir()
    assert verdicts(list(uploads(settings_of(tmp_path, reserve_bytes=0), {}))) == [("uploads", "ok")]
    assert verdicts(list(uploads(settings_of(tmp_path, reserve_bytes=1 << 40), {}))) == [("uploads", "bad")]
