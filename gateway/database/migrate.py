"""Bring the schema of a database up to date.

Each `MigrationSet` (the core's, or an extension's) is a folder of Alembic revision files and has a version table of
its own, so that an extension can be added, updated and removed by itself. All pending revisions of all sets run in one
transaction, which both databases undo as a whole if one of them fails. Two processes that migrate at once take
turns: on SQLite by `BEGIN IMMEDIATE`, on PostgreSQL by an advisory lock; the second finds nothing left to do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog
from sqlalchemy import exc

from gateway.database.engine import Tuning, make_engine, parse_url
from gateway.database.errors import DatabaseError, StorageFault, fault_of, translate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")

_log = structlog.get_logger()

_ADVISORY_LOCK = 0x5349_414B
"""Number of the lock under which PostgreSQL lets one process migrate; the same for all gateways of a database."""

_PATIENT = Tuning(busy_seconds=120.0, statement_seconds=600.0)


class MigrationFailed(DatabaseError):
    """The schema could not be brought up to date; nothing was changed."""


@dataclass(frozen=True, slots=True)
class MigrationSet:
    """The revisions of the core or of one extension.

    Attributes:
        name: `core`, or the extension's name.
        package: Package whose folder holds the revision files, such as `gateway.database.migrations.versions`; one
            line of history, files named `r<revision>_<words>.py` so that names sort by age.
        prefix: What the name of each of its tables begins with; empty for the core, which is not bound.
    """

    name: str
    package: str
    prefix: str = ""

    @property
    def version_table(self) -> str:
        """Table that says which revision the database is at."""
        return f"migrations_{self.name}"

    @property
    def folder(self) -> Path:
        """Where the revision files are."""
        return Path(import_module(self.package).__path__[0])

    def revisions(self) -> list[str]:
        """All revisions, oldest first: the files `r<revision>_<words>.py` in the order of their names."""
        names = sorted(path.stem for path in self.folder.glob("r[0-9]*.py"))
        return [name[1:].partition("_")[0] for name in names]


CORE = MigrationSet("core", "gateway.database.migrations.versions")
"""The gateway's own tables."""


def migrate(url: str, sets: Sequence[MigrationSet] = (CORE,)) -> list[str]:
    """Apply all pending revisions, in the order of the sets; blocks.

    Returns:
        The revisions applied, as `<set>:<revision>`; empty if the schema was up to date.

    Raises:
        BadDatabaseUrl: The URL names no database the gateway can use.
        StorageFailed: The database cannot be reached or written.
        MigrationFailed: A revision could not be applied, or the database is newer than this version.
    """
    return _in_transaction(url, lambda connection: _upgrade(connection, sets))


def pending(url: str, sets: Sequence[MigrationSet] = (CORE,)) -> list[str]:
    """Revisions not yet applied, oldest first, as `<set>:<revision>`; errors as of `migrate`."""
    return _in_transaction(url, lambda connection: pending_in(connection, sets), read_only=True)


def current(url: str, sets: Sequence[MigrationSet] = (CORE,)) -> dict[str, str | None]:
    """The revision each set is at, None before its first; errors as of `migrate`."""
    return _in_transaction(
        url, lambda connection: {each.name: _revision(connection, each) for each in sets}, read_only=True
    )


def pending_in(connection: sa.Connection, sets: Sequence[MigrationSet] = (CORE,)) -> list[str]:
    """As `pending`, on a connection already open; for `Database.read`."""
    found: list[str] = []
    for each in sets:
        found.extend(f"{each.name}:{revision}" for revision in _todo(each, _revision(connection, each)))
    return found


def _todo(chosen: MigrationSet, at: str | None) -> list[str]:
    known = chosen.revisions()
    if at is None:
        return known
    if at not in known:
        raise MigrationFailed(
            f"the database is at revision {at} of {chosen.name}, which this version does not know: it is newer"
        )
    return known[known.index(at) + 1 :]


def _upgrade(connection: sa.Connection, sets: Sequence[MigrationSet]) -> list[str]:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
    todo = pending_in(connection, sets)
    for each in sets:
        if any(name.startswith(f"{each.name}:") for name in todo):
            from gateway.database.upgrade import upgrade  # noqa: PLC0415 # Alembic is loaded only when it is needed

            before = _table_names(connection)
            upgrade(connection, each.folder, each.version_table)
            _refuse_others(each, before ^ _table_names(connection))
    if todo:
        _log.info("database.schema.migrated", revisions=todo)
    return todo


def _table_names(connection: sa.Connection) -> frozenset[str]:
    return frozenset(sa.inspect(connection).get_table_names())


def _refuse_others(chosen: MigrationSet, touched: frozenset[str]) -> None:
    """An extension makes and drops tables of its own name only."""
    others = sorted(name for name in touched if not name.startswith(chosen.prefix) and name != chosen.version_table)
    if others:
        raise MigrationFailed(f"{chosen.name} may only make tables named {chosen.prefix}…, not {', '.join(others)}")


def _revision(connection: sa.Connection, chosen: MigrationSet) -> str | None:
    if not sa.inspect(connection).has_table(chosen.version_table):
        return None
    version = sa.table(chosen.version_table, sa.column("version_num"))
    found = connection.execute(sa.select(version.c.version_num)).scalar_one_or_none()
    return None if found is None else str(found)


def _in_transaction(url: str, work: Callable[[sa.Connection], T], *, read_only: bool = False) -> T:
    parsed = parse_url(url)
    engine = make_engine(parsed, replace(_PATIENT, connections=1), read_only=read_only)
    try:
        with engine.begin() as connection:
            return work(connection)
    except exc.SQLAlchemyError as error:
        failure = translate(error)
    finally:
        engine.dispose()
    if isinstance(failure, DatabaseError) or fault_of(failure) is StorageFault.NOT_MIGRATED:
        raise MigrationFailed(f"a revision could not be applied: {failure}")
    raise failure
