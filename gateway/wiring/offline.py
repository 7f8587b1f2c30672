"""Work on the gateway's storage without a running gateway: what commands, trials and tests share."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from gateway.wiring.clock import SystemClock
from gateway.wiring.parts import open_callers, open_database, open_keyring, open_outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from gateway.outbox.outbox import Outbox
    from gateway.people.callers import Callers
    from gateway.settings import Settings

T = TypeVar("T")


@asynccontextmanager
async def callers_of(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Callers]:
    """The callers of this gateway's database, migrated and read.

    Raises:
        VaultError, StorageUnavailable, SecretMissing: What an admin has to mend.
    """
    database = await open_database(settings, environ)
    try:
        callers = open_callers(settings, database, open_keyring(settings, environ))
        await callers.refresh()
        yield callers
    finally:
        await database.close()


@asynccontextmanager
async def outbox_of(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Outbox]:
    """The outbox of this gateway's database, migrated; errors as in `callers_of`."""
    database = await open_database(settings, environ)
    try:
        yield open_outbox(database, open_keyring(settings, environ), SystemClock())
    finally:
        await database.close()


def with_outbox(settings: Settings, environ: Mapping[str, str], work: Callable[[Outbox], Awaitable[T]]) -> T:
    """Run work on the outbox from synchronous code; errors as in `callers_of`."""

    async def run() -> T:
        async with outbox_of(settings, environ) as outbox:
            return await work(outbox)

    return asyncio.run(run())


def with_callers(settings: Settings, environ: Mapping[str, str], work: Callable[[Callers], Awaitable[T]]) -> T:
    """Run work on the callers from synchronous code; errors as in `callers_of`."""

    async def run() -> T:
        async with callers_of(settings, environ) as callers:
            return await work(callers)

    return asyncio.run(run())
