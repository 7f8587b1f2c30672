"""What commands that work on the gateway's storage share: the database, the secrets, the callers."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gateway.people.callers import Callers
    from gateway.settings import Settings

T = TypeVar("T")


@asynccontextmanager
async def callers_of(settings: Settings) -> AsyncIterator[Callers]:
    """The callers of this gateway's database, migrated and read."""
    from gateway.wiring.parts import open_callers, open_database, open_keyring  # noqa: PLC0415 # heavy imports late

    database = await open_database(settings, os.environ)
    try:
        callers = open_callers(settings, database, open_keyring(settings, os.environ))
        await callers.refresh()
        yield callers
    finally:
        await database.close()


def with_callers(settings: Settings, work: Callable[[Callers], Awaitable[T]]) -> T:
    """Run work on the callers from a synchronous command."""

    async def run() -> T:
        async with callers_of(settings) as callers:
            return await work(callers)

    return asyncio.run(run())
