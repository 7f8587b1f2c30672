"""The parts of a gateway that commands need too: secrets, database, callers, accounts at the centre."""

from __future__ import annotations

import asyncio
import secrets
import types
from typing import TYPE_CHECKING

import structlog

from gateway.blobs.files import FilePieces
from gateway.blobs.pieces import TablePieces
from gateway.blobs.sealing import BlobSealer
from gateway.blobs.store import DatabaseBlobs
from gateway.catalogue import regions
from gateway.centre.account import Account
from gateway.contract.errors import StorageUnavailable
from gateway.database import Database
from gateway.database.engine import database_file, kind_of, parse_url
from gateway.database.errors import StorageFailed, StorageFault
from gateway.database.migrate import CORE, MigrationSet, migrate, pending
from gateway.documents.book import DocumentBook
from gateway.documents.sealing import DocumentSealer
from gateway.documents.store import Documents
from gateway.ledger import TABLES as LEDGER_TABLES
from gateway.ledger.ledger import Ledger
from gateway.outbox.follow_store import DatabaseFollowing
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.people.callers import Callers
from gateway.people.passwords import Hashing
from gateway.people.people import People
from gateway.people.session_policy import SessionLimits
from gateway.settings import SecretMissing
from gateway.vault import api_keys
from gateway.vault.keys import Keyring, create_secrets
from gateway.wiring.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.blobs.blobs import Blobs
    from gateway.blobs.pieces import Pieces
    from gateway.contract.host import Clock
    from gateway.contract.storage import Tables
    from gateway.database.second_copy import CopyPlace
    from gateway.settings import Settings

_log = structlog.get_logger("gateway.wiring")

_CURES = types.MappingProxyType(
    {
        StorageFault.CORRUPT: "is damaged, or no SQLite database; cure: put it back from its backup, or move it away "
        "and start anew: its clients and submissions are lost then",
        StorageFault.READ_ONLY: "cannot be written; cure: give the gateway's user write access to it and its folder",
        StorageFault.DISK_FULL: "cannot be written, the disk is full; cure: make room",
        StorageFault.LOCKED: "is locked by another process; cure: end what has it open",
        StorageFault.GONE: "cannot be opened; cure: see that its folder exists and the gateway's user may use it",
        StorageFault.INPUT_OUTPUT: "cannot be read or written; cure: look at the disk, then restore from a backup",
    }
)
"""What is wrong with the file of a SQLite database, and what to do."""


def open_keyring(settings: Settings, environ: Mapping[str, str]) -> Keyring:
    """The gateway's keys: from the environment where it names any, else from the folder of secrets.

    On a first start the folder is made, so that a gateway is never without keys of its own.

    Raises:
        VaultError: A key is missing, unreadable or not well guarded.
    """
    if Keyring.is_in(environ):
        return Keyring.from_environ(environ)
    if created := create_secrets(settings.secrets_folder):
        _log.info("vault.secrets.created", files=len(created))
    return Keyring.load(settings.secrets_folder)


async def open_database(settings: Settings, environ: Mapping[str, str]) -> Database:
    """The gateway's database, up to date: SQLite is migrated here, PostgreSQL by the admin.

    Raises:
        StorageUnavailable: A PostgreSQL database is behind this version.
        SecretMissing: Its address should come from a variable or file that is not there.
    """
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = settings.database_url(environ)
    database = Database.open(url)
    try:
        if database.kind == "sqlite":
            for revision in _migrated(url):
                _log.info("database.migrated", revision=revision)
        else:
            _refuse_if_behind(url)
    except BaseException:
        await database.close()
        raise
    return database


async def open_ledger(
    settings: Settings,
    environ: Mapping[str, str],
    keyring: Keyring,
    clock: Clock,
    place: CopyPlace | None = None,
    *,
    journalled: bool = True,
) -> Ledger | None:
    """The ledger with a new chain in it, or None where it is switched off; with a second copy, if given a place.

    Args:
        settings: The config.
        environ: Where secrets are found.
        keyring: Holds the key to sign under.
        clock: The gateway's clock.
        place: Of the second copy.
        journalled: As of `Ledger.open`.

    Raises:
        StorageUnavailable: It cannot be written, or its tables on PostgreSQL are behind this version.
        KeyMissingError: There is no key to sign it with.
    """
    if not settings.ledger.enabled:
        return None
    database = open_ledger_database(settings, environ)
    if place is not None:
        database.keep_copy(place)
    try:
        return await Ledger.open(database, keyring, clock, secrets.randbits, journalled=journalled)
    except BaseException:
        await database.close()
        raise


def open_ledger_database(settings: Settings, environ: Mapping[str, str]) -> Database:
    """The database of the ledger, up to date, with a writer of its own; errors as of `open_database`."""
    url = settings.ledger_url(environ)
    if kind_of(parse_url(url)) == "sqlite":
        for revision in migrate(url, (LEDGER_TABLES,)):
            _log.info("database.migrated", revision=revision)
    else:
        _refuse_if_behind(url, (LEDGER_TABLES,))
    return Database.open(url)


def _migrated(url: str) -> list[str]:
    """Migrate SQLite; a file that cannot be used is named with the cure."""
    try:
        return migrate(url)
    except StorageFailed as error:
        cure = _CURES.get(error.fault)
        if cure is None:
            raise
        raise StorageUnavailable(f"{database_file(parse_url(url))}: {cure}") from None


async def make_tables(url: str, name: str, tables: Tables) -> None:
    """Bring the tables of an extension up to date: on SQLite here, on PostgreSQL by the admin.

    Raises:
        StorageUnavailable: A PostgreSQL database is behind them.
        MigrationFailed: A revision cannot be applied, or touches tables of others.
    """
    sets = (tables_of(name, tables),)
    if kind_of(parse_url(url)) == "postgresql":
        await asyncio.to_thread(_refuse_if_behind, url, sets)
        return
    for revision in await asyncio.to_thread(migrate, url, sets):
        _log.info("database.migrated", revision=revision)


def tables_of(name: str, tables: Tables) -> MigrationSet:
    """The revisions of an extension."""
    return MigrationSet(name, tables.migrations, prefix=f"{name}_")


def _refuse_if_behind(url: str, sets: Sequence[MigrationSet] = (CORE,)) -> None:
    behind = pending(url, sets)
    if behind:
        raise StorageUnavailable(f"The database is {len(behind)} revisions behind; run: siak-gateway migrate")


def open_callers(settings: Settings, database: Database, keyring: Keyring, clock: Clock | None = None) -> Callers:
    """The callers of a database; nothing is read yet."""
    return Callers(
        database,
        clock or SystemClock(),
        pepper=api_keys.pepper_of(keyring),
        village_known=lambda code: regions.village(code) is not None,
        right_known=settings.rights.__contains__,
    )


def open_people(settings: Settings, database: Database, keyring: Keyring, clock: Clock) -> People:
    """The people of a database; nothing is read yet."""
    wanted = settings.people
    return People.open(
        database,
        clock,
        keyring,
        hashing=Hashing(wanted.hash_memory_kib, wanted.hash_passes, wanted.hash_threads, wanted.hash_waiting),
        limits=SessionLimits(wanted.idle, wanted.lasts, wanted.renew_every),
        code_lasts=wanted.code_lasts,
    )


def open_outbox(database: Database, keyring: Keyring, clock: Clock) -> DatabaseOutbox:
    """The outbox of a database; documents are told of what it adopts."""
    return DatabaseOutbox(database, Sealer(keyring, clock.now), clock, _book(keyring, clock))


def open_blobs(settings: Settings, database: Database, keyring: Keyring, clock: Clock) -> DatabaseBlobs:
    """The blobs of a database: in files beside SQLite, in a table of PostgreSQL, where every instance finds them."""
    pieces: Pieces = TablePieces(database)
    if database.kind == "sqlite":
        pieces = FilePieces(database, settings.blobs_folder, settings.blobs.reserve_bytes)
    return DatabaseBlobs(database, pieces, BlobSealer(keyring, clock.now), clock)


def open_following(database: Database, keyring: Keyring, clock: Clock) -> DatabaseFollowing:
    """What is kept of the centre's decisions in a database; documents are told of them."""
    return DatabaseFollowing(database, Sealer(keyring, clock.now), clock, _book(keyring, clock))


def _book(keyring: Keyring, clock: Clock) -> DocumentBook:
    return DocumentBook(DocumentSealer(keyring, clock.now))


def open_documents(database: Database, blobs: Blobs, keyring: Keyring, clock: Clock) -> Documents:
    """The documents of a database."""
    return Documents(database, blobs, DocumentSealer(keyring, clock.now), clock, secrets.randbits)


def accounts_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, Account]:
    """The accounts at the centre, by right.

    Raises:
        SecretMissing: A password is not where it should be; all that are missing are named.
    """
    accounts, missing = {}, []
    for name, right in settings.rights.items():
        try:
            password = settings.password(name, environ)
        except SecretMissing as error:
            missing.append(f"rights.{name}: {error}")
            continue
        accounts[name] = Account(
            right=name,
            paths=right.services.paths(),
            user_id=right.user_id,
            password=password,
            ip_user=right.ip_user,
            ws=right.door == "ws_server",
            daily_password=right.daily_password,
            zone=settings.time.zone,
            fields=right.granted(),
        )
    if missing:
        raise SecretMissing("\n".join(missing))
    return accounts
