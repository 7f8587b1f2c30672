"""Bring the schema of a database up to date.

Each `MigrationSet` (the core's, or an extension's) is a folder of Alembic revision files and has a version table of
its own, so that an extension can be added, updated and removed by itself. All pending revisions of all sets run in one
transaction, which both databases undo as a whole if one of them fails. Two processes that migrate at once take
turns: on SQLite by `BEGIN IMMEDIATE`, on PostgreSQL by an advisory lock; the second finds nothing left to do. The
revisions of an extension are kept to its own tables by `fence`.
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
from gateway.database.fence import fenced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")

_log = structlog.get_logger()

_ADVISORY_LOCK = 0x5349_414B
"""Number of the lock under which PostgreSQL lets one process migrate; the same for all gateways of a database."""

VERSIONS = "migrations_"
"""What the names of all version tables begin with."""

CORE_TABLES = frozenset(
    {
        "allowance_days",
        "blob_pieces",
        "blob_uses",
        "blobs",
        "caller_changes",
        "caller_keys",
        "callers",
        "centre_limits",
        "centre_news",
        "centre_shares",
        "check_codes",
        "cursors",
        "deliveries",
        "documents",
        "idempotency_keys",
        "key_checks",
        "later",
        "leases",
        "lineage",
        "migrations_core",
        "moves",
        "notices",
        "outcomes",
        "payloads",
        "people",
        "person_codes",
        "person_guesses",
        "person_sessions",
        "prints",
        "ready",
        "running",
        "spoiled_sheets",
        "strays",
        "submissions",
        "switches",
    }
)
"""All tables of the gateway's own; no extension touches them, whatever its name."""

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
        return f"{VERSIONS}{self.name}"

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

            if each.prefix:
                _upgrade_fenced(connection, each, upgrade)
            else:
                upgrade(connection, each.folder, each.version_table)
    if todo:
        _log.info("database.schema.migrated", revisions=todo)
    return todo


def _table_names(connection: sa.Connection) -> frozenset[str]:
    return frozenset(sa.inspect(connection).get_table_names())


def _upgrade_fenced(
    connection: sa.Connection, chosen: MigrationSet, upgrade: Callable[[sa.Connection, Path, str], None]
) -> None:
    """Apply the revisions of an extension, which makes, changes and drops tables of its own only."""
    before = _table_names(connection)
    owns = _owner_of(chosen, before, first=_revision(connection, chosen) is None)
    trespasses: set[str] = set()
    try:
        with fenced(connection, owns) as trespasses:
            upgrade(connection, chosen.folder, chosen.version_table)
        trespasses |= {name for name in before ^ _table_names(connection) if not owns(name)}
    except Exception:
        if not trespasses:
            raise
    if trespasses:
        others = ", ".join(sorted(trespasses))
        raise MigrationFailed(f"{chosen.name} may only make and change tables named {chosen.prefix}…, not {others}")


def _owner_of(chosen: MigrationSet, before: frozenset[str], *, first: bool) -> Callable[[str], bool]:
    """Whether a table is an extension's: of its prefix, and not somebody's whose name begins alike."""
    versions = [name.removeprefix(VERSIONS) for name in before if name.startswith(VERSIONS)]
    longer = tuple(f"{name}_" for name in versions if name.startswith(chosen.prefix))
    taken = CORE_TABLES | (before if first else frozenset())

    def owns(table: str) -> bool:
        if table == chosen.version_table:
            return True
        return table.startswith(chosen.prefix) and not table.startswith(longer) and table not in taken

    return owns


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
