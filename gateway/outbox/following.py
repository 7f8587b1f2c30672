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
        at: When it happened, Unix seconds by the centre's clock; None where that is not told.
        families: KK numbers of families whose data changed; personal data, kept in memory only.
    """

    seq: int
    reference: str = ""
    receipt: str = ""
    documents: tuple[IssuedDocument, ...] = ()
    rejected: str = ""
    subjects: tuple[bytes, ...] = ()
    at: float | None = None
    families: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Tiding({self.seq}, {self.reference!r})"


class Stray(msgspec.Struct, frozen=True):
    """A submission that was handed in here once and is not known any more; no personal data.

    Attributes:
        reference: Its id.
        handed_in_at: When it was handed in, Unix seconds; told by the id.
        account: Right under whose account the centre told of it; empty where only its reference was named to us.
        receipt: What the centre calls it; empty as long as it told nothing.
        documents: Kinds of the documents the centre issued.
        rejected: The coded reason of a rejection; empty for none.
        decided_at: When the centre did so, by its own clock.
        told_at: Since when it is kept here.
        repeated_as: Submissions here that repeat it, handed in before it was known: one of them may be doubled.
    """

    reference: str
    handed_in_at: float
    account: str = ""
    receipt: str = ""
    documents: tuple[str, ...] = ()
    rejected: str = ""
    decided_at: float | None = None
    told_at: float = 0.0
    repeated_as: tuple[str, ...] = ()


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

    async def taken(self, rights: Collection[str], before: float, after: str) -> tuple[str, ...]:
        """Ids of some that the centre had taken under some rights, and not decided: those behind an id, in order.

        What was delivered at `before` or later is left out, so that what was asked about meanwhile is not doubted
        twice.
        """

    async def rewind(self, token: int, account: str, ids: Sequence[str]) -> tuple[SubmissionMoved, ...] | None:
        """The centre knows less than it did: doubt these; with no ids, read its events from the beginning.

        None if another follows now.
        """

    async def read_at(self) -> float | None:
        """When all events of all accounts had last been read, Unix seconds; None if never."""

    async def documents(self, id_: str) -> tuple[IssuedDocument, ...]:
        """What the centre has issued of a submission so far."""

    async def strays(self) -> tuple[Stray, ...]:
        """What the centre, or somebody's receipt, speaks of and is not known here; the oldest hand-in first."""

    async def recall(self, references: Sequence[str]) -> tuple[str, ...]:
        """Keep references in the hands of callers, so that who repeats one of them doubles nothing.

        Those that were kept; not those known already, nor what is no id of ours.
        """

    async def settle(self, reference: str, actor: str, reason: str) -> bool:
        """A person has seen to a stray; False if there is none, or it is settled."""

    async def news(self, after: int | None) -> News:
        """Whose cached answers are to be forgotten since a place; None gives none and the present place."""

    async def forget_news(self, before: float) -> int:
        """Forget news from before that time, but for the last; how many there were."""
