"""Telling the outside what moved: what a storage of it promises.

```
move ─► notice (its own transaction) ─┬─► feed of its caller: after a place, in order
                                      └─► route ─► deliveries: due ─► delivered (gone)
                                                        ▲  └─► failed ─► due again later │ dead after a day
                                                        └── retried by a person ◄────────┘
```

`DatabaseNotifying` keeps it beside the outbox, `MemoryNotifying` (`gateway.testing`) in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from gateway.outbox.notice_rows import Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.outbox.notice_rows import Place

DeliveryState = Literal["pending", "dead"]
PENDING: Final = "pending"
DEAD: Final = "dead"


class Delivery(msgspec.Struct, frozen=True):
    """One notice that one target is to be told of.

    Attributes:
        notice: The move.
        notifier: Extension that tells it.
        target: Whom, by the notifier's name of it.
        tries: So far.
        first_at: When it was first tried, Unix seconds; 0 if it was not.
        next_at: Not tried again before then.
        state: `pending`, or `dead` once a person must look.
        code: Why the last try failed, a stable word; empty before.
    """

    notice: Notice
    notifier: str
    target: str
    tries: int = 0
    first_at: float = 0.0
    next_at: float = 0.0
    state: DeliveryState = PENDING
    code: str = ""

    @property
    def id(self) -> str:
        """The same at every try and for ever; also what people call it."""
        return f"{self.notice.submission}.{self.notice.number}.{self.target}"


def spelled(id_: str) -> str:
    """The id of a delivery in its one spelling: the submission's part of it may be written in capitals."""
    submission, dot, rest = id_.partition(".")
    return submission.lower() + dot + rest


class Counts(msgspec.Struct, frozen=True):
    """How many deliveries wait, and how many are dead."""

    pending: int
    dead: int


class Notifying(Protocol):
    """Where notices are, and what is to be told of them. All methods may raise `StorageUnavailable`."""

    async def hold(self, holder: str) -> int | None:
        """Become, or stay, the one instance that tells; the token for what is written, None if another does."""

    async def let_go(self, token: int) -> None:
        """Let another instance tell at once."""

    async def begun(self, token: int) -> None:
        """The first time of all, count everything from before as told."""

    async def unrouted(self, limit: int) -> tuple[Notice, ...]:
        """Notices whose deliveries were not made yet, in order."""

    async def route(self, token: int, upto: Place, deliveries: Sequence[Delivery]) -> bool:
        """Make deliveries of the notices up to a place, all or nothing; False if another instance tells now."""

    async def due(self, notifier: str, resting: Collection[str], each: int) -> tuple[Delivery, ...]:
        """What may be tried now, the oldest first: so many for each target that is not resting."""

    async def delivered(self, token: int, delivery: Delivery) -> bool:
        """It was told; False if another instance tells now, and may tell it again."""

    async def failed(self, token: int, delivery: Delivery) -> bool:
        """It was not told: keep its tries, code, state and next time; False if another instance tells now."""

    async def listed(self, state: DeliveryState | None, limit: int) -> tuple[Delivery, ...]:
        """What waits or is dead, the oldest first."""

    async def retry(self, ids: Collection[str] | None) -> int:
        """Try those again now, dead ones included; None for all that are dead. How many there were."""

    async def counts(self) -> Counts:
        """How many wait and how many are dead."""

    async def purge(self, before: float) -> int:
        """Forget notices from before a time, some at once, with their deliveries; how many there were."""

    async def feed(self, caller: str, after: Place, limit: int) -> tuple[Notice, ...]:
        """A caller's notices behind a place, in order."""

    async def callers(self, after: Place) -> tuple[Place, frozenset[str]]:
        """Whose notices stand behind a place, and the last place looked at."""

    async def last(self) -> Place:
        """The place of the last notice there is."""

    async def pace(self) -> tuple[float, ...]:
        """When the last deliveries to the centre were, newest first; a few hundred."""
