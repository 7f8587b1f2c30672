"""Processes of the gateway that share one real database, at a time the test decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.database import Database
from gateway.people.callers import Callers

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine
    from typing import Any, TypeVar

    T = TypeVar("T")

START = 1_800_000_000.0
VILLAGE = "3527032001"


@dataclass
class HandClock:
    """A clock that is set by hand."""

    at: float = START

    def now(self) -> float:
        """The time set."""
        return self.at

    def monotonic(self) -> float:
        """The same; nothing here waits."""
        return self.at


@dataclass
class World:
    """One database and the processes that use it.

    Attributes:
        url: The database.
        clock: Time in all processes.
        runner: Runs what is awaited, in one loop.
    """

    url: str
    clock: HandClock
    runner: asyncio.Runner
    _opened: list[Database] = field(default_factory=list)

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        """Wait for it."""
        return self.runner.run(story)

    def process(self, *, pepper: bytes = b"p" * 32) -> Callers:
        """The callers as another process of the gateway sees them, refreshed once."""
        database = Database.open(self.url)
        self._opened.append(database)
        callers = Callers(
            database,
            self.clock,
            pepper=pepper,
            village_known=lambda code: code == VILLAGE,
            right_known=lambda name: name in {"sampang", "serang"},
        )
        self.run(callers.refresh())
        return callers

    def close(self) -> None:
        """End all processes."""
        for database in self._opened:
            self.run(database.close())
