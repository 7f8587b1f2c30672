"""The verb *notify*: what moved is told outside, at least once each, until it was heard or a day is over.

```
hold the lease ─► route: notices behind the cursor ─► whom do the notifiers name? ─► deliveries, stored
               └► due: a few for each target that is not resting ─► deliver ─┬─► gone
                                                                             └─► again later │ dead: a person looks
```

What is to be told was stored with the move itself. A target that does not answer rests; one that is slow takes its
turns among the others: neither holds up anybody else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from msgspec.structs import replace

from gateway.catalogue.receipts import new_id
from gateway.contract.errors import GatewayError
from gateway.contract.roles import NotDelivered, Notification
from gateway.database.errors import DatabaseError
from gateway.flows.lease import Lease
from gateway.outbox.notifying import DEAD, Delivery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from random import Random

    from gateway.contract.host import Clock
    from gateway.outbox.notice_rows import Notice
    from gateway.outbox.notifying import Notifying

_log = structlog.get_logger("gateway.notify")

ROUTED_AT_ONCE: Final = 200
"""Notices that become deliveries in one transaction."""

EACH: Final = 4
"""Deliveries to one target under way at once, at most."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a notification is tried; all in seconds.

    Attributes:
        give_up: After its first try, until it is dead.
        first: Pause after the first failure; it doubles.
        longest: Pause, at most.
        widest: Deliveries under way at once, at most; a count.
    """

    give_up: float = 86_400.0
    first: float = 5.0
    longest: float = 3_600.0
    widest: int = 16


class Bounded(Protocol):
    """A notifier behind its guard: its errors are `NotDelivered`."""

    def targets(self, notification: Notification) -> Sequence[str]:
        """Whom it would tell."""

    async def deliver(self, notification: Notification, target: str) -> None:
        """Tell one target."""


@dataclass(slots=True)
class _Rest:
    """How a target has failed.

    Attributes:
        failures: In a row.
        until: Monotonic seconds.
    """

    failures: int = 0
    until: float = -inf


class Announcer:
    """Tells what moved; several processes may have one, and one at a time tells.

    Args:
        notifying: Keeps what is to be told.
        name_of: What admins call a caller, by its id; empty if it is gone.
        clock: The gateway's clock.
        random: Source of jitter, and of this instance's name.
        patience: Bounds.

    Attributes:
        notifiers: Who tells, by extension; replaced on a reload.
    """

    def __init__(
        self,
        notifying: Notifying,
        name_of: Callable[[str], str],
        clock: Clock,
        random: Random,
        patience: Patience | None = None,
    ) -> None:
        self.notifiers: Mapping[str, Bounded] = {}
        self._notifying = notifying
        self._name_of = name_of
        self._clock = clock
        self._random = random
        self._patience = patience or Patience()
        self._lease = Lease(notifying.hold, notifying.let_go, new_id(clock.now(), random.getrandbits), clock)
        self._under_way: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._rests: dict[tuple[str, str], _Rest] = {}
        self._begun: dict[tuple[str, str], int] = {}
        self._count = 0

    async def turn(self) -> None:
        """Route what is new and start what is due, if this instance is the one that tells; a job of the supervisor."""
        held, token = self._lease.token, await self._lease.hold()
        if token is None:
            return
        if held != token:
            await self._notifying.begun(token)
        while await self._route(token):
            pass
        self._start(token, [one for notifier in tuple(self.notifiers) for one in await self._due(notifier)])

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way.values())

    async def close(self) -> None:
        """Give up what is under way, which is told again, and let another instance tell."""
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._lease.release()

    async def _route(self, token: int) -> bool:
        """Make deliveries of some notices; whether there may be more."""
        notices = await self._notifying.unrouted(ROUTED_AT_ONCE)
        if not notices:
            return False
        now = self._clock.now()
        deliveries = [
            Delivery(notice, name, target, next_at=now)
            for notice in notices
            for name, notifier in self.notifiers.items()
            for target in notifier.targets(self._told(notice))
        ]
        return await self._notifying.route(token, notices[-1].place, deliveries) and len(notices) == ROUTED_AT_ONCE

    async def _due(self, notifier: str) -> Sequence[Delivery]:
        """What may be told now to targets that do not rest and are not told as much as may be at once."""
        now = self._clock.monotonic()
        busy = Counter(key[:2] for key in self._under_way)
        resting = {target for (name, target), rest in self._rests.items() if name == notifier and rest.until > now}
        full = {target for (name, target), count in busy.items() if name == notifier and count >= EACH}
        return await self._notifying.due(notifier, resting | full, EACH)

    def _start(self, token: int, due: Sequence[Delivery]) -> None:
        """Begin what there is room for: first to whom least is under way, then to who was not told for longest."""
        busy = Counter(key[:2] for key in self._under_way)
        waiting: list[tuple[int, int, Delivery]] = []
        for delivery in due:
            place = (delivery.notifier, delivery.target)
            if (*place, delivery.id) in self._under_way:
                continue
            if busy[place] < EACH:
                waiting.append((busy[place], self._begun.get(place, 0), delivery))
            busy[place] += 1
        waiting.sort(key=lambda one: one[:2])
        for _, _, delivery in waiting[: max(0, self._patience.widest - len(self._under_way))]:
            key = (delivery.notifier, delivery.target, delivery.id)
            self._begun[key[:2]] = self._count = self._count + 1
            self._under_way[key] = task = asyncio.create_task(self._deliver(token, delivery))
            task.add_done_callback(partial(self._ended, key))

    def _ended(self, key: tuple[str, str, str], _task: asyncio.Task[None]) -> None:
        self._under_way.pop(key, None)

    async def _deliver(self, token: int, delivery: Delivery) -> None:
        """One try, and its end; if that cannot be stored, it is told again."""
        notifier = self.notifiers.get(delivery.notifier)
        if notifier is None:
            return
        place = (delivery.notifier, delivery.target)
        try:
            await notifier.deliver(self._told(delivery.notice), delivery.target)
        except NotDelivered as error:
            await self._stored(delivery, self._notifying.failed(token, self._failed(delivery, error)))
        else:
            self._rests.pop(place, None)
            await self._stored(delivery, self._notifying.delivered(token, delivery))

    async def _stored(self, delivery: Delivery, storing: Awaitable[bool]) -> None:
        try:
            if not await storing:
                self._lease.lost()
        except (GatewayError, DatabaseError) as error:
            code = getattr(error, "code", "internal")
            _log.warning("notify.end.not_stored", submission=delivery.notice.submission, code=code)

    def _failed(self, delivery: Delivery, error: NotDelivered) -> Delivery:
        """The delivery after a failure: when it is tried again, if it is."""
        now, tries = self._clock.now(), delivery.tries + 1
        first_at = delivery.first_at or now
        is_dead = error.for_good or now - first_at >= self._patience.give_up
        longest = min(self._patience.longest, self._patience.first * 2.0 ** min(tries - 1, 20))
        pause = max(longest * self._random.uniform(0.5, 1.0), min(error.retry_after or 0.0, self._patience.longest))
        rest = self._rests.setdefault((delivery.notifier, delivery.target), _Rest())
        rest.failures += 1
        rest.until = self._clock.monotonic() + min(self._patience.longest, self._patience.first) * min(
            2.0 ** (rest.failures - 1), 12.0
        )
        told = {"submission": delivery.notice.submission, "extension": delivery.notifier, "tries": tries}
        if is_dead:
            _log.error("notify.delivery.dead", **told, code=error.code)
        else:
            _log.info("notify.delivery.failed", **told, code=error.code)
        state = DEAD if is_dead else delivery.state
        return replace(delivery, tries=tries, first_at=first_at, next_at=now + pause, state=state, code=error.code)

    def _told(self, notice: Notice) -> Notification:
        return Notification(
            f"msg_{notice.submission}_{notice.number}",
            notice.caller,
            self._name_of(notice.caller),
            notice.submission,
            notice.number,
            notice.service,
            notice.village,
            notice.before,
            notice.after,
            notice.reason,
            notice.at,
        )
