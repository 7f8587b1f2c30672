"""What follows delivery: the centre's decisions taken in, in order, each once; what a storage of it promises.

```
events of the centre ─► take_in ─┬─► moves: delivered, issued, rejected (with their notices)
   (account, after cursor)       ├─► documents, sealed
                                 ├─► news: whose cached answers every instance forgets
                                 └─► cursor                                  all in one transaction
```

A tiding the storage has seen changes nothing. `DatabaseFollowing` keeps it beside the outbox, `MemoryFollowing`
(`gateway.testing`) in memory; one conformance suite proves both.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.contract.submissions import IssuedDocument, SubmissionMoved

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import sqlalchemy as sa

    from gateway.outbox.outbox import Facts


class Tiding(msgspec.Struct, frozen=True):
    """One event of the centre, as far as it changes anything here.

    Attributes:
        seq: Its place among the account's events.
        reference: The submission it is about; empty where it is about residents only.
        receipt: What the centre calls that submission.
        documents: What was issued of it; none for a rejection.
        rejected: The coded reason of a rejection; empty for none.
        subjects: Marks of the residents and families whose cached answers are to be forgotten.
        at: When it happened at the centre, Unix seconds.
        families: KK numbers of families whose data changed; personal data, kept in memory only.
    """

    seq: int
    reference: str = ""
    receipt: str = ""
    documents: tuple[IssuedDocument, ...] = ()
    rejected: str = ""
    subjects: tuple[bytes, ...] = ()
    at: float = 0.0
    families: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Tiding({self.seq}, {self.reference!r})"


class Outcome(StrEnum):
    """Why a tiding changed nothing; a stable word for the log."""

    FOREIGN = "foreign"
    KNOWN = "known"
    INCOMPLETE = "incomplete"
    CONTRADICTS = "contradicts"


class TakenIn(msgspec.Struct, frozen=True):
    """What came of some tidings.

    Attributes:
        moved: The moves, in order.
        unmoved: Place and reason of those about submissions that moved nothing.
        news: How many subjects are to be forgotten.
    """

    moved: tuple[SubmissionMoved, ...] = ()
    unmoved: tuple[tuple[int, Outcome], ...] = ()
    news: int = 0


class IssuedPapers(Protocol):
    """Told of papers in the transaction that takes the news of them in."""

    def issued(
        self, connection: sa.Connection, origin: Facts, documents: Sequence[IssuedDocument], at: float, now: float
    ) -> None:
        """All that was issued of a submission so far, at a time of the centre's."""

    def changed(self, connection: sa.Connection, families: Sequence[str], at: float, now: float) -> None:
        """The data of families changed, at a time of the centre's."""


class News(msgspec.Struct, frozen=True):
    """Whose cached answers are to be forgotten since a place.

    Attributes:
        subjects: Their marks.
        upto: The place of the last one.
        missed: Some from before were forgotten here already: everything cached must go.
        more: There are more.
    """

    subjects: tuple[bytes, ...]
    upto: int
    missed: bool = False
    more: bool = False


class Following(Protocol):
    """Where it is kept how far the centre's events were read. All methods may raise `StorageUnavailable`."""

    async def hold(self, holder: str) -> int | None:
        """Become, or stay, the one instance that follows; the token for what is written, None if another does."""

    async def let_go(self, token: int) -> None:
        """Let another instance follow at once."""

    async def cursor(self, account: str) -> int:
        """How far an account's events were read; 0 for not at all."""

    async def take_in(self, token: int, account: str, tidings: Sequence[Tiding], upto: int) -> TakenIn | None:
        """Take in what happened behind the cursor, up to a place, all or nothing; None if another follows now.

        Args:
            token: Of `hold`.
            account: Whose events.
            tidings: In order; those not behind the cursor are left out.
            upto: The cursor from now on, if it lies behind the present one.
        """

    async def caught_up(self, token: int, account: str) -> None:
        """Note that all events there are have been read."""

    async def rewind(
        self, token: int, account: str, rights: Collection[str], before: float
    ) -> tuple[SubmissionMoved, ...] | None:
        """The centre knows less than it did: doubt what it had taken under some rights, then read from the beginning.

        Some at a time; while any are given, call it again. What was delivered at `before` or later is left alone, so
        that what was asked about meanwhile is not doubted twice. None if another follows now.
        """

    async def read_at(self) -> float | None:
        """When all events of all accounts had last been read, Unix seconds; None if never."""

    async def documents(self, id_: str) -> tuple[IssuedDocument, ...]:
        """What the centre has issued of a submission so far."""

    async def news(self, after: int | None) -> News:
        """Whose cached answers are to be forgotten since a place; None gives none and the present place."""

    async def forget_news(self, before: float) -> int:
        """Forget news from before that time, but for the last; how many there were."""
