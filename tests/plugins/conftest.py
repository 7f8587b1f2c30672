"""A host for plugins, with a clock that moves when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
import structlog

from gateway.contract import FollowStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import httpx
    import sqlalchemy as sa
    from structlog.typing import FilteringBoundLogger

    from gateway.contract import (
        Answer,
        Asking,
        Caller,
        CentreEvent,
        CentreStatus,
        Clock,
        HostPages,
        Job,
        KnownKey,
        Question,
        Receipt,
        Right,
        Standing,
        Submission,
        Waiting,
    )

T = TypeVar("T")


class Desk:
    """A host of one plugin.

    Attributes:
        at: Unix seconds now; the monotonic clock runs a thousand behind.
        statuses: How the centre is.
        queue: What waits for it.
        followed: How its news travel on.
    """

    def __init__(self) -> None:
        self.name = "under_test"
        self.log: FilteringBoundLogger = structlog.get_logger()
        self.clock: Clock = self
        self.at = 1_795_000_000.0
        self.statuses: tuple[CentreStatus, ...] = ()
        self.queue: tuple[Waiting, ...] = ()
        self.followed = FollowStatus(None, 0, 0)

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

    @property
    def pages(self) -> HostPages:
        """No pages here."""
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

    def known_key(self, key: str) -> KnownKey:
        """Nobody is known here."""
        raise LookupError(len(key))

    def allowance_left(self, caller: Caller) -> int | None:
        """Nothing is counted here."""
        raise LookupError(caller)

    async def ask(self, caller: Caller, question: Question, asking: Asking) -> Answer:
        """Nothing can be asked here."""
        raise LookupError(caller, question, asking)

    async def submit(
        self,
        caller: Caller,
        submission: Submission,
        key: str | None,
        *,
        filed_at: float | None = None,
        in_review: bool = False,
    ) -> Receipt:
        """Nothing can be handed in here."""
        raise LookupError(caller, submission.service, key, filed_at, in_review)

    async def attach(
        self, caller: Caller, sha256: str, offset: int, length: int, pieces: AsyncIterator[bytes], until: float
    ) -> int:
        """Nothing is kept here."""
        raise LookupError(caller, sha256, offset, length, pieces, until)

    async def track(self, caller: Caller, submission: str) -> Standing:
        """Nothing was handed in here."""
        raise LookupError(caller, submission)

    def copies(self) -> int:
        """The second one is in step."""
        return 2

    async def waiting(self) -> tuple[Waiting, ...]:
        """As set by the test."""
        return self.queue

    def on_event(self, observer: Callable[[CentreEvent], object]) -> None:
        """No centre here."""
        raise LookupError(observer)

    async def follow_status(self) -> FollowStatus:
        """As the test wants."""
        return self.followed

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
