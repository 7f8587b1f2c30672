"""A backup: one dated folder with everything but the keys, taken while the gateway runs.

```
<to>/2026-11-22T03-55-01Z/   gateway.db  ledger.db  blobs/  backup.json (last, so that what is there is whole)
```

The keys never lie beside it: whoever has both can read everything. `backup.json` names those it needs.
"""

from __future__ import annotations

import calendar
import hashlib
import shutil
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import msgspec
import sqlalchemy as sa

from gateway.blobs.files import COPIES
from gateway.contract.errors import StorageUnavailable
from gateway.database import Database
from gateway.database.backup import rows_in, take
from gateway.database.engine import database_file, kind_of, parse_url
from gateway.database.lineage import installation
from gateway.database.second_copy.files import fill
from gateway.database.second_copy.place import write_whole
from gateway.people.tables import KEY_CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.settings import Settings

MANIFEST: Final = "backup.json"
"""Name of the file that makes a folder a backup."""

LAST: Final = "last-backup.json"
"""Name of the file in the data folder that tells `doctor` of the last one."""

_NAME: Final = "%Y-%m-%dT%H-%M-%SZ"
_DAY: Final = 86_400.0
_READ: Final = 1 << 20


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds.

    Attributes:
        version: Of the program that took it.
        installation: Whose it is.
        made_at: When it was begun, Unix seconds.
        files: SHA-256 of each database file, by name.
        submissions: How many it holds.
        keys: Names of the keys it cannot be used without.
        format: Version of this format.
    """

    version: str
    installation: str
    made_at: float
    files: dict[str, str]
    submissions: int
    keys: list[str]
    format: int = 1


class Last(msgspec.Struct, frozen=True):
    """The last backup that was taken: where to, and when (Unix seconds)."""

    folder: str
    made_at: float


def back_up(
    settings: Settings, environ: Mapping[str, str], to: Path, keep_days: float | None, tell: Callable[[str], None]
) -> tuple[Path, Manifest]:
    """Take a backup of a SQLite installation.

    Args:
        settings: The config.
        environ: The environment.
        to: Folder of backups; made where it is not there.
        keep_days: Delete older ones there once this one is whole; None keeps all.
        tell: Told what is being done.

    Returns:
        The backup's folder, and what it holds.

    Raises:
        StorageUnavailable: It is PostgreSQL, there is no database, or it cannot be read or copied.
        OSError: It cannot be written.
    """
    database = sqlite_file(settings, environ)
    if not database.exists():
        raise StorageUnavailable(f"{database}: there is no database to back up")
    made_at = time.time()
    folder = to / time.strftime(_NAME, time.gmtime(made_at))
    folder.mkdir(mode=0o700, parents=True)
    try:
        manifest = _take_all(settings, database, database_file(parse_url(settings.ledger_url(environ))), folder, tell)
        write_whole(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    write_whole(settings.data_folder / LAST, msgspec.json.encode(Last(str(folder.absolute()), manifest.made_at)))
    if keep_days is not None:
        for old in _older(to, made_at - keep_days * _DAY):
            shutil.rmtree(old)
            tell(f"deleted: {old.name}")
    return folder, manifest


def sqlite_file(settings: Settings, environ: Mapping[str, str]) -> Path:
    """The file of the gateway's database.

    Raises:
        StorageUnavailable: It is PostgreSQL, which has tools of its own.
    """
    url = parse_url(settings.database_url(environ))
    if kind_of(url) == "postgresql":
        raise StorageUnavailable(
            "PostgreSQL is backed up and restored by its own tools (pg_basebackup, pg_dump); "
            "after a restore run: siak-gateway restore --mark"
        )
    return database_file(url)


def read_manifest(folder: Path) -> Manifest | None:
    """What a folder holds; None if it is no backup, or not whole."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None


def newest(folder: Path) -> Path | None:
    """A backup: the folder itself, or the newest one in it."""
    if read_manifest(folder) is not None:
        return folder
    found = [each for each in folder.iterdir() if read_manifest(each) is not None] if folder.is_dir() else []
    return max(found, key=lambda each: each.name, default=None)


def last_backup(settings: Settings) -> Last | None:
    """The last backup taken on this machine."""
    try:
        return msgspec.json.decode((settings.data_folder / LAST).read_bytes(), type=Last)
    except (OSError, msgspec.MsgspecError):
        return None


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ):
            digest.update(block)
    return digest.hexdigest()


def _older(to: Path, before: float) -> list[Path]:
    """Backups from before that time, and what is left of those that were interrupted."""
    found = [(each, _begun_at(each)) for each in to.iterdir() if each.is_dir()]
    return [each for each, begun_at in found if begun_at is not None and begun_at < before]


def _begun_at(folder: Path) -> float | None:
    """When a backup was begun, told by its name where it was interrupted; None for what is no backup of ours."""
    if (manifest := read_manifest(folder)) is not None:
        return manifest.made_at
    try:
        return float(calendar.timegm(time.strptime(folder.name, _NAME)))
    except ValueError:
        return None


def _take_all(settings: Settings, database: Path, ledger: Path, folder: Path, tell: Callable[[str], None]) -> Manifest:
    made_at, files = time.time(), {}
    for file, target in ((database, folder / "gateway.db"), (ledger, folder / "ledger.db")):
        if file.exists():
            take(file, target, _progress(target.name, tell))
            files[target.name] = sha256(target)
    if blobs := fill(settings.blobs_folder, folder / COPIES):  # after the database, so that none it speaks of lacks
        tell(f"{COPIES}: {blobs} files")
    return _manifest(folder / "gateway.db", made_at, files)


def _manifest(database: Path, made_at: float, files: dict[str, str]) -> Manifest:
    opened = Database.open(f"sqlite:///{database}")
    try:
        whose = opened.read_sync(installation)
        names = opened.read_sync(
            lambda connection: sorted(connection.execute(sa.select(KEY_CHECKS.c.name)).scalars().all())
        )
    finally:
        opened.close_sync()
    files["gateway.db"] = sha256(database)
    return Manifest(version("siak-gateway"), whose, made_at, files, rows_in(database, "submissions"), names)


def _progress(name: str, tell: Callable[[str], None]) -> Callable[[int, int], None]:
    told = -1

    def progress(left: int, whole: int) -> None:
        nonlocal told
        done = 100 if whole == 0 else 100 * (whole - left) // whole
        if done // 25 != told:
            told = done // 25
            tell(f"{name}: {done} %")

    return progress
