"""A host for plugins, with a clock that moves when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx
    import sqlalchemy as sa
    from structlog.typing import FilteringBoundLogger

    from gateway.contract import Answer, Asking, Caller, CentreStatus, Clock, Job, Question, Right

T = TypeVar("T")


class Desk:
    """A host of one plugin.

    Attributes:
        at: Unix seconds now; the monotonic clock runs a thousand behind.
        statuses: How the centre is.
    """

    def __init__(self) -> None:
        self.name = "under_test"
        self.log: FilteringBoundLogger = structlog.get_logger()
        self.clock: Clock = self
        self.at = 1_795_000_000.0
        self.statuses: tuple[CentreStatus, ...] = ()

    def now(self) -> float:
        """Unix seconds."""
        return self.at

    def monotonic(self) -> float:
        """Seconds that never go back in a test."""
        return self.at - 1000

    @property
    def http(self) -> httpx.AsyncClient:
        """No outbound client here."""
        raise LookupError

    def secret(self, name: str) -> str:
        """No secrets here."""
        raise LookupError(name)

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Nobody is known here."""
        raise LookupError(len(headers))

    def right(self, caller: Caller) -> Right | None:
        """Nobody has a right here."""
        raise LookupError(caller)

    async def ask(self, caller: Caller, question: Question, asking: Asking) -> Answer:
        """Nothing can be asked here."""
        raise LookupError(caller, question, asking)

    def centre_status(self) -> tuple[CentreStatus, ...]:
        """As set by the test."""
        return self.statuses

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """No storage here."""
        raise LookupError(work)

    async def transaction(self, work: Callable[[sa.Connection], T]) -> T:
        """No storage here."""
        raise LookupError(work)

    def every(self, job: Job) -> None:
        """No jobs here."""
        raise LookupError(job)


@pytest.fixture
def desk() -> Desk:
    """A host whose clock the test moves."""
    return Desk()
