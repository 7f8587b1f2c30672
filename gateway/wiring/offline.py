"""Work on the gateway's storage without a running gateway: what commands, trials and tests share."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from gateway.database.engine import kind_of, parse_url
from gateway.flows.printing import Printing
from gateway.flows.staff import Staff
from gateway.ledger import TABLES as LEDGER_TABLES
from gateway.outbox.notify_store import DatabaseNotifying
from gateway.registry.finding import mounts_of
from gateway.registry.registry import Registry
from gateway.vault.keys import drop, is_settled
from gateway.vault.secret_files import secret_names
from gateway.wiring.claim import SERVING, claimed
from gateway.wiring.claims import own_claims
from gateway.wiring.clock import SystemClock
from gateway.wiring.key_checks import is_needed, open_fitting_keyring, take_anew
from gateway.wiring.parts import (
    open_blobs,
    open_callers,
    open_database,
    open_documents,
    open_following,
    open_ledger,
    open_outbox,
    open_people,
    tables_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from gateway.contract.host import Host
    from gateway.database import Database
    from gateway.database.migrate import MigrationSet
    from gateway.documents.store import Documents
    from gateway.ledger.exchange import DeedRecorder
    from gateway.ledger.ledger import Ledger
    from gateway.outbox.following import Following
    from gateway.outbox.notifying import Notifying
    from gateway.outbox.outbox import Outbox
    from gateway.people.callers import Callers
    from gateway.people.people import People
    from gateway.registry.registry import Failure
    from gateway.settings import Settings
    from gateway.vault.keys import Keyring

T = TypeVar("T")


@asynccontextmanager
async def callers_of(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Callers]:
    """The callers of this gateway's database, migrated and read.

    Raises:
        VaultError, StorageUnavailable, SecretMissing: What an admin has to mend.
    """
    database = await open_database(settings, environ)
    try:
        keyring = await open_fitting_keyring(settings, environ, database)
        callers = open_callers(settings, database, keyring)
        await callers.refresh()
        yield callers
    finally:
        await database.close()


@asynccontextmanager
async def outbox_of(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Outbox]:
    """The outbox of this gateway's database, migrated; errors as in `callers_of`."""
    database = await open_database(settings, environ)
    try:
        yield open_outbox(database, await open_fitting_keyring(settings, environ, database), SystemClock())
    finally:
        await database.close()


def make_keys(settings: Settings, environ: Mapping[str, str], *, anew: bool = False) -> list[str]:
    """Make the gateway's keys where the database needs none yet; errors as in `callers_of`.

    Args:
        settings: The config.
        environ: The environment.
        anew: The old keys are lost for good: make missing ones, and take the present ones for the right ones.

    Returns:
        Names of the keys that were made.
    """

    async def run() -> list[str]:
        database = await open_database(settings, environ)
        try:
            if anew:
                return await take_anew(settings, environ, database)
            before = secret_names(settings.secrets_folder)
            await open_fitting_keyring(settings, environ, database)
            return sorted(secret_names(settings.secrets_folder) - before)
        finally:
            await database.close()

    return asyncio.run(run())


def drop_keys(settings: Settings, environ: Mapping[str, str], days: float) -> tuple[list[str], list[str]]:
    """Destroy older masters nothing is sealed under; errors as in `callers_of`.

    Args:
        settings: The config.
        environ: The environment.
        days: A master whose successor's file is younger stays.

    Returns:
        Names of those that were destroyed, and of older ones that stay.

    Raises:
        FolderTaken: A gateway runs here. On PostgreSQL all instances must have been started since the rotation.
    """

    async def run() -> tuple[list[str], list[str]]:
        database = await open_database(settings, environ)
        try:
            keyring = await open_fitting_keyring(settings, environ, database)
            dropped, kept = [], []
            for number in sorted(keyring.masters)[:-1]:
                needed = await database.read(partial(is_needed, master=number))
                if needed or not is_settled(settings.secrets_folder, number, time.time() - days * 86_400.0):
                    kept.append(f"master-{number}")
                else:
                    drop(settings.secrets_folder, number)
                    dropped.append(f"master-{number}")
            return dropped, kept
        finally:
            await database.close()

    if kind_of(parse_url(settings.database_url(environ))) == "postgresql":
        return asyncio.run(run())
    with claimed(settings.data_folder, SERVING):  # one that runs may still seal under the older master
        return asyncio.run(run())


def with_outbox(settings: Settings, environ: Mapping[str, str], work: Callable[[Outbox], Awaitable[T]]) -> T:
    """Run work on the outbox from synchronous code; errors as in `callers_of`."""

    async def run() -> T:
        async with outbox_of(settings, environ) as outbox:
            return await work(outbox)

    return asyncio.run(run())


def with_written_outbox(
    settings: Settings, environ: Mapping[str, str], work: Callable[[Outbox, DeedRecorder | None], Awaitable[T]]
) -> T:
    """Run work on the outbox that is to be written into the ledger, where the config has one: into a chain of its own.

    A gateway may run meanwhile: it has the journal. Errors as in `callers_of`.
    """

    async def run() -> T:
        async with _written(settings, environ) as (database, keyring, ledger):
            return await work(open_outbox(database, keyring, SystemClock()), ledger)

    return asyncio.run(run())


@asynccontextmanager
async def _written(
    settings: Settings, environ: Mapping[str, str]
) -> AsyncIterator[tuple[Database, Keyring, Ledger | None]]:
    """Database, keys and ledger of a command whose acts are written down."""
    database = await open_database(settings, environ)
    try:
        keyring = await open_fitting_keyring(settings, environ, database)
        ledger = await open_ledger(settings, environ, keyring, SystemClock(), journalled=False)
        try:
            yield database, keyring, ledger
        finally:
            if ledger is not None:
                await ledger.close()
    finally:
        await database.close()


def with_documents(
    settings: Settings, environ: Mapping[str, str], work: Callable[[Documents, Printing], Awaitable[T]]
) -> T:
    """Run work on the documents, written into the ledger as `with_written_outbox` does; errors as in `callers_of`."""

    async def run() -> T:
        async with _written(settings, environ) as (database, keyring, ledger):
            clock = SystemClock()
            documents = open_documents(database, open_blobs(settings, database, keyring, clock), keyring, clock)
            return await work(documents, Printing(documents, settings.documents.link_seconds, clock, ledger))

    return asyncio.run(run())


def with_people(settings: Settings, environ: Mapping[str, str], work: Callable[[Staff, People], Awaitable[T]]) -> T:
    """Run work on people's accounts; what is done is written into the ledger, as in `with_written_outbox`."""

    async def run() -> T:
        database, clock = await open_database(settings, environ), SystemClock()
        try:
            keyring = await open_fitting_keyring(settings, environ, database)
            ledger = await open_ledger(settings, environ, keyring, clock, journalled=False)
            people = open_people(settings, database, keyring, clock)
            try:
                return await work(Staff(people.accounts, ledger), people)
            finally:
                people.close()
                if ledger is not None:
                    await ledger.close()
        finally:
            await database.close()

    return asyncio.run(run())


def with_notifying(settings: Settings, environ: Mapping[str, str], work: Callable[[Notifying], Awaitable[T]]) -> T:
    """Run work on the notifications from synchronous code; errors as in `callers_of`."""

    async def run() -> T:
        database = await open_database(settings, environ)
        try:
            return await work(DatabaseNotifying(database, SystemClock()))
        finally:
            await database.close()

    return asyncio.run(run())


def with_following(settings: Settings, environ: Mapping[str, str], work: Callable[[Following], Awaitable[T]]) -> T:
    """Run work on what the centre told from synchronous code; errors as in `callers_of`."""

    async def run() -> T:
        database = await open_database(settings, environ)
        try:
            keyring = await open_fitting_keyring(settings, environ, database)
            return await work(open_following(database, keyring, SystemClock()))
        finally:
            await database.close()

    return asyncio.run(run())


def with_callers(settings: Settings, environ: Mapping[str, str], work: Callable[[Callers], Awaitable[T]]) -> T:
    """Run work on the callers from synchronous code; errors as in `callers_of`."""

    async def run() -> T:
        async with callers_of(settings, environ) as callers:
            return await work(callers)

    return asyncio.run(run())


def core_tables(url: str) -> list[MigrationSet]:
    """The gateway's revisions beside those of the core: on PostgreSQL the ledger's; on SQLite it has its own file."""
    return [LEDGER_TABLES] if kind_of(parse_url(url)) == "postgresql" else []


def extension_tables(settings: Settings) -> list[MigrationSet]:
    """The revisions of all enabled extensions; those that cannot be built have said so in the log.

    Raises:
        ConfigFaults: An enabled extension is not installed, or its table is wrong.
    """
    registry = Registry.build(settings, offline_host)
    return [tables_of(member.name, tables) for member in registry.members for tables in member.tables]


def failures_of(settings: Settings) -> tuple[Failure, ...]:
    """What keeps enabled extensions from being served, as far as it shows before any is opened.

    Raises:
        ConfigFaults: An enabled extension is not installed, or its table is wrong.
    """
    registry = Registry.build(settings, offline_host)
    registry.leave_out(own_claims(mounts_of(settings)).claim)
    return registry.failures


def offline_host(name: str) -> Host:
    """The host of an extension that is only asked what it would register."""
    host: Any = OfflineHost(name)  # only asked what a hook may need; anything else is an error of the extension
    return host  # type: ignore[no-any-return] # as said


class OfflineHost:
    """It has a name, a clock and a log; what else a host does, it does once the gateway is open."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.clock = SystemClock()
        self.log = structlog.get_logger(f"extension.{name}").bind(extension=name)

    def centre_status(self) -> tuple[()]:
        """No centre is known here."""
        return ()
