"""What `doctor` says of files that were uploaded, of what the centre decided, and of what callers are told."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Final

from gateway.cli.finding import Finding
from gateway.contract.errors import GatewayError
from gateway.database import Database, DatabaseError
from gateway.database.engine import database_file, kind_of, parse_url
from gateway.outbox import delivery_rows, follow_rows, stray_rows
from gateway.settings import SecretMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

    from gateway.outbox.notifying import Counts
    from gateway.settings import Settings

LATE: Final = 300.0
"""Seconds after which the centre's events should have been read again, unless `follow.every` is longer."""


def uploads(settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    """Whether files can be kept; on PostgreSQL they are in the database."""
    if _kind(settings, environ) != "sqlite":
        return
    folder, reserve = settings.blobs_folder, settings.blobs.reserve_bytes
    if not folder.is_dir():
        if settings.blobs.folder:  # one in the data folder is made by the first upload
            yield Finding("uploads", "warn", f"{folder} is not there", "mount its disk, or make the folder")
        return
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("uploads", "bad", f"{folder} is not writable", "give the gateway's user write access")
    elif free < reserve + settings.blobs.max_bytes:
        text = f"files are refused: {free / 1e9:.1f} GB are free and {reserve / 1e9:.1f} GB are kept for forms"
        yield Finding("uploads", "bad", text, "make room, or name another disk in blobs.folder")
    else:
        yield Finding("uploads", "ok", f"{free / 1e9:.0f} GB are free for files")


def deliveries(settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    """When the centre's events were last read, and which notifications a person must look at."""
    kind = _kind(settings, environ)
    if not kind:
        return
    url = settings.database_url(environ)
    if kind == "sqlite" and not database_file(parse_url(url)).exists():
        return
    database = Database.open(url)
    try:
        read_at, counts, strays = database.read_sync(_look)
    except (DatabaseError, GatewayError):
        return  # told with the database
    finally:
        database.close_sync()
    if any(right.submissions for right in settings.rights.values()):
        yield _events(settings, read_at)
    if counts.dead:
        text = f"{counts.dead} notifications could not be told and were put aside"
        yield Finding("notices", "warn", text, "siak-gateway notifications list --state dead, then retry")
    else:
        yield Finding("notices", "ok", f"{counts.pending} notifications wait to be told, none was put aside")
    if strays:
        text = f"{strays} submissions that were handed in here once are not known any more"
        yield Finding("strays", "warn", text, "siak-gateway strays list")


def _look(connection: sa.Connection) -> tuple[float | None, Counts, int]:
    return follow_rows.read_at(connection), delivery_rows.counts(connection), stray_rows.count(connection)


def _events(settings: Settings, read_at: float | None) -> Finding:
    cure = "start the gateway; if it runs, look at its log and at the line to the centre"
    if read_at is None:
        return Finding("events", "warn", "the centre's decisions were not all read yet", cure)
    age = max(0.0, time.time() - read_at)
    text = f"the centre's decisions were last read {age:.0f} s ago"
    if age > max(LATE, 3 * settings.follow.every):
        return Finding("events", "warn", text, cure)
    return Finding("events", "ok", text)


def _kind(settings: Settings, environ: Mapping[str, str]) -> str:
    """Of the database; empty where its address is not known, which is told with the database."""
    try:
        return kind_of(parse_url(settings.database_url(environ)))
    except SecretMissing:
        return ""
