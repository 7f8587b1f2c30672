"""What `doctor` says of the second copy and of backups."""

from __future__ import annotations

import shutil
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.blobs.files import COPIES, uncopied
from gateway.cli.finding import Finding
from gateway.contract.errors import GatewayError
from gateway.database import Database, DatabaseError
from gateway.database.engine import database_file, kind_of, parse_url
from gateway.database.second_copy.assemble import is_copy
from gateway.database.second_copy.place import CopyFault, CopyPlace, read_memo
from gateway.settings import SecretMissing
from gateway.wiring.backing_up import last_backup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gateway.settings import Settings

LITTLE_DISK: Final = 1_000_000_000
OLD_BACKUP: Final = 2 * 86_400.0
"""Seconds after which a backup is old: one a day, and one may fail."""

_CURES: Final = MappingProxyType(
    {
        CopyFault.SAME_DEVICE: "name a folder on another device in replica.path, or mount the one that belongs there",
        CopyFault.EMPTIED: "mount the device; if it is a new one: make an empty file second-copy.new in the folder",
        CopyFault.FOREIGN: "it may be all that is left of another installation: restore from it, or name another",
        CopyFault.NOT_THERE: "mount the device, or make the folder",
        CopyFault.READ_ONLY: "give the gateway's user write access, and look at the device",
        CopyFault.DISK_FULL: "make room on the device",
        CopyFault.TOO_SLOW: "look at the device and the line to it; replica.patience is how long it is waited for",
        CopyFault.INPUT_OUTPUT: "look at the device, and replace it",
        CopyFault.JOURNAL: "it is begun anew by itself; if it stays: restart the gateway",
    }
)
_STANDBYS: Final = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
_NAMES: Final = "SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit')"


def copies(settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    """Whether what is handed in is kept twice."""
    try:
        url = settings.database_url(environ)
    except SecretMissing:
        return  # told with the database
    if kind_of(parse_url(url)) == "postgresql":
        yield _standby(url)
        return
    folder = settings.replica_folder
    if folder is None:
        text = "what is handed in is kept once; if this machine burns it is lost"
        yield Finding("copies", "warn", text, "name a folder on another device in [replica] path")
        return
    yield _copy(database_file(parse_url(url)), folder)
    yield from _files(settings, url, folder)
    if folder.is_dir() and (free := shutil.disk_usage(folder).free) < LITTLE_DISK:
        yield Finding("copies", "warn", f"{free / 1e9:.1f} GB are free for the second copy", "make room")


def backups(settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    """How old the last backup is."""
    try:
        if kind_of(parse_url(settings.database_url(environ))) == "postgresql":
            return
    except SecretMissing:
        return
    last = last_backup(settings)
    if last is None:
        yield Finding("backup", "warn", "no backup was taken yet", "siak-gateway backup --to FOLDER, every day")
        return
    age = time.time() - last.made_at
    text = f"the last one is {age / 3600:.0f} hours old, in {last.folder}"
    if age > OLD_BACKUP:
        yield Finding("backup", "warn", text, "siak-gateway backup --to FOLDER, every day")
    else:
        yield Finding("backup", "ok", text)


def _copy(database: Path, folder: Path) -> Finding:
    memo = read_memo(database)
    if memo is None:
        return Finding("copies", "warn", "there is no second copy yet", "start the gateway once")
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(memo.since))
    if memo.state == "in_step" and is_copy(CopyPlace(folder, "").of(database)):
        return Finding("copies", "ok", f"two copies, the second in {folder} since {since}")
    if memo.state == "stopped" and not memo.fault:
        return Finding("copies", "ok", f"the second copy in {folder} ended whole with the gateway at {since}")
    if memo.state == "catching_up":
        return Finding("copies", "warn", f"the second copy in {folder} is being made since {since}", "wait")
    fault = CopyFault(memo.fault) if memo.fault in set(CopyFault) else CopyFault.NOT_THERE
    text = f"there is one copy only since {since}: {fault.replace('_', ' ')} ({folder})"
    return Finding("copies", "bad", text, _CURES[fault])


def _files(settings: Settings, url: str, folder: Path) -> Iterable[Finding]:
    """How many files of what was handed in burn with this machine."""
    if not database_file(parse_url(url)).exists() or not folder.is_dir():
        return
    database = Database.open(url)
    try:
        missing = uncopied(database, settings.blobs_folder, folder / COPIES)
    except (DatabaseError, GatewayError, OSError):
        return  # told with the database, or with the copy
    finally:
        database.close_sync()
    if missing:
        cure = "a gateway that runs copies them while the copy is in step; else look at the device"
        yield Finding("copies", "warn", f"{missing} files are not in the second copy in {folder / COPIES}", cure)


def _standby(url: str) -> Finding:
    cure = "set synchronous_standby_names, with two standbys (ANY 1), and synchronous_commit = on"
    database = Database.open(url)
    try:
        names, commit = database.read_sync(lambda connection: connection.exec_driver_sql(_NAMES).one())
        count = database.read_sync(lambda connection: int(connection.exec_driver_sql(_STANDBYS).scalar_one()))
    except (DatabaseError, GatewayError):
        return Finding("copies", "warn", "the server does not tell about its standbys", cure)
    finally:
        database.close_sync()
    if not names or commit not in {"on", "remote_apply"}:
        return Finding("copies", "warn", "no synchronous standby is in force: what is handed in is kept once", cure)
    if not count:
        text = "a synchronous standby is asked for and none is there: hand-ins wait for it"
        return Finding("copies", "bad", text, "start the standby, or take it out of synchronous_standby_names")
    return Finding("copies", "ok", f"{count} synchronous standbys hold what is handed in")
