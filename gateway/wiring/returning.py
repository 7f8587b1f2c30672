"""The way back: an installation put together again from its second copy, a backup, or both, in an empty folder.

```
copy ──assemble──┐
                 ├─► sound? ─► the newer one ─► migrated ─► doubted and noted ─► gateway.db (renamed last)
backup ──────────┘
```

Whatever came is older than the truth by what it lost, so everything the centre may know better of becomes `unknown`
and is asked about before anything is sent again.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.blobs.files import COPIES
from gateway.contract.errors import StorageUnavailable
from gateway.database import Database, lineage
from gateway.database.backup import is_sound, rows_in
from gateway.database.engine import database_file, parse_url
from gateway.database.migrate import CORE, migrate
from gateway.database.second_copy.assemble import assemble, is_copy
from gateway.database.second_copy.files import fill
from gateway.database.second_copy.place import MARKER, is_of
from gateway.durable import sync_file, sync_folder
from gateway.ledger import TABLES as LEDGER_TABLES
from gateway.outbox.doubt_rows import doubt
from gateway.wiring.backing_up import newest, read_manifest, sha256, sqlite_file
from gateway.wiring.claim import SERVING, claimed
from gateway.wiring.position import of_gateway, of_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import sqlalchemy as sa

    from gateway.database.lineage import How
    from gateway.database.migrate import MigrationSet
    from gateway.settings import Settings
    from gateway.wiring.position import Position

    Tell = Callable[[str], None]

_STAYS: Final = frozenset({"secrets", f"{SERVING}.lock", "lost+found"})
_COUNTED: Final = {"gateway.db": "submissions", "ledger.db": "ledger_pages"}
_POSITIONS: Final = {"gateway.db": of_gateway, "ledger.db": of_ledger}
_TOLD_EVERY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        how: From what.
        submissions: How many there are.
        doubted: How many of them the centre will be asked about.
    """

    how: How
    submissions: int
    doubted: int


@dataclass(frozen=True, slots=True)
class _Found:
    how: How
    file: Path
    rows: int
    position: Position


def restore(
    settings: Settings, environ: Mapping[str, str], backup: Path | None, copy: Path | None, tell: Tell
) -> Restored:
    """Put a SQLite installation together again.

    Args:
        settings: The config; its data folder holds nothing yet but the keys.
        environ: The environment.
        backup: A backup, or a folder of backups of which the newest is taken.
        copy: The second copy, the folder of `replica.path`.
        tell: Told what is being done.

    Raises:
        StorageUnavailable: The folder is not empty, neither of them can be used, or it is PostgreSQL.
        FolderTaken: A gateway runs there.
        OSError: It cannot be read or written.
    """
    target = sqlite_file(settings, environ)
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_unless_empty(settings, target)
    taken = None if backup is None else newest(backup)
    if backup is not None and taken is None:
        raise StorageUnavailable(f"{backup}: there is no whole backup in it")
    _refuse_strangers(taken, copy)
    with claimed(settings.data_folder, SERVING):
        ledger = database_file(parse_url(settings.ledger_url(environ)))
        if (found := _best("ledger.db", ledger, taken, copy, tell)) is not None:
            _settle(found, ledger, LEDGER_TABLES)
        found = _best("gateway.db", target, taken, copy, tell)
        if found is None:
            raise StorageUnavailable("neither the copy nor the backup holds a sound gateway.db")
        migrate(f"sqlite:///{found.file}", (CORE,))
        files = _bring_files(settings, (copy, taken) if found.how == "copy" else (taken, copy))
        tell(f"{COPIES}: {files} files")
        doubted = _mark_url(f"sqlite:///{found.file}", found.how)
        tell(f"{doubted} submissions will be asked about before anything is sent")
        _settle(found, target, CORE)
    return Restored(found.how, rows_in(target, "submissions"), doubted)


def mark(settings: Settings, environ: Mapping[str, str]) -> int:
    """Do the same to a database that was put back by other means, such as PostgreSQL's own; how many are doubted.

    Raises:
        FolderTaken: A gateway runs here.
        StorageFailed, SecretMissing: The database cannot be used.
    """
    with claimed(settings.data_folder, SERVING):
        return _mark_url(settings.database_url(environ), "marked")


def made_of(backup: Path | None) -> str:
    """When a backup was taken, in brackets; empty where that is not known."""
    taken = None if backup is None else newest(backup)
    manifest = None if taken is None else read_manifest(taken)
    return "" if manifest is None else f" ({_when(manifest.made_at)})"


def copy_left_out(settings: Settings, copy: Path | None) -> Path | None:
    """The configured second copy if it is there and was not named: the next start would write over it."""
    configured = settings.replica_folder
    if configured is None or copy is not None or not is_copy(configured / "gateway.db"):
        return None
    return configured


def _bring_files(settings: Settings, sources: Sequence[Path | None]) -> int:
    """Bring the files of what was handed in, first from where the database came from; how many.

    The folder is made in any case: what is not in it was not copied, rather than not mounted.
    """
    settings.blobs_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return sum(fill(source / COPIES, settings.blobs_folder) for source in sources if source is not None)


def _refuse_unless_empty(settings: Settings, target: Path) -> None:
    there = [each.name for each in settings.data_folder.iterdir() if each.name not in _STAYS]
    there = [name for name in there if not name.endswith(".restored")]
    if target.exists() or there:
        named = ", ".join(sorted(there)[:5]) or target.name
        raise StorageUnavailable(
            f"{settings.data_folder} is not empty ({named}); cure: move it away, or name another folder"
        )


def _refuse_strangers(backup: Path | None, copy: Path | None) -> None:
    """Copy and backup of two installations are two histories."""
    manifest = None if backup is None else read_manifest(backup)
    marker = None if copy is None else copy / MARKER
    if manifest is not None and marker is not None and marker.exists() and not is_of(marker, manifest.installation):
        raise StorageUnavailable("the backup and the second copy are of two installations; cure: name one of them")


def _best(name: str, target: Path, backup: Path | None, copy: Path | None, tell: Tell) -> _Found | None:
    """The newest sound database there is: of one history it holds all of the other one."""
    found: list[_Found] = []
    if copy is not None and is_copy(copy / name):
        file = target.with_name(f"{name}.copy.restored")
        made = assemble(copy / name, file, partial(_told, name, tell))
        at = "" if made.at_ms == 0 else f", the last of {_when(made.at_ms / 1000)}"
        tell(f"{name}: second copy, {made.records} commits since its base{at}")
        found += _sound("copy", file, name, tell)
    manifest = None if backup is None else read_manifest(backup)
    if backup is not None and manifest is not None and name in manifest.files:
        file = target.with_name(f"{name}.backup.restored")
        shutil.copyfile(backup / name, file)
        file.chmod(0o600)
        tell(f"{name}: backup of {_when(manifest.made_at)}")
        if sha256(file) == manifest.files[name]:
            found += _sound("backup", file, name, tell)
        else:
            file.unlink()
            tell(f"{name}: the backup's file was changed or damaged, and is left out")
    best = max(found, key=lambda one: one.position, default=None)
    for one in found:
        if best is not None and one is not best:
            if best.position.is_apart_from(one.position):
                tell(f"{name}: {best.how} and {one.how} went ways of their own; keep the {one.how}, not all is in both")
            one.file.unlink()
    if best is not None:
        tell(f"{name}: taken from the {best.how}, {best.rows} {_COUNTED[name]}")
    return best


def _sound(how: How, file: Path, name: str, tell: Tell) -> Sequence[_Found]:
    if is_sound(file) and (rows := rows_in(file, _COUNTED[name])) >= 0:
        return [_Found(how, file, rows, _POSITIONS[name](file))]
    file.unlink(missing_ok=True)
    tell(f"{name}: the {how} is damaged, and is left out")
    return []


def _settle(found: _Found, target: Path, tables: MigrationSet) -> None:
    """Bring a database to this version and give it its name, durably."""
    migrate(f"sqlite:///{found.file}", (tables,))
    sync_file(found.file)
    found.file.with_name(found.file.name + ".lock").unlink(missing_ok=True)
    found.file.rename(target)
    sync_folder(target.parent)


def _mark_url(url: str, how: How) -> int:
    def work(connection: sa.Connection) -> int:
        now = time.time()
        count = doubt(connection, now)
        lineage.add_return(connection, now, how, count)
        return count

    database = Database.open(url)
    try:
        return database.write_sync(work)
    finally:
        database.close_sync()


def _told(name: str, tell: Tell, count: int) -> None:
    if count % _TOLD_EVERY == 0:
        tell(f"{name}: {count} commits")


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
