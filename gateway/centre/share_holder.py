"""What an instance's limiter lives on: a limit of its own, a leased share, or its last one while no database is there.

```
OWN ──somebody else came──► SHARED ──nobody else is left──► OWN      from what all together believed
                             │  ▲
   not renewed in `LASTS` s  ▼  │ renewed
                             KEPT                                    a limit of its own, no higher than the part it had
```

`Holding` is pure; `ShareHolder` renews the lease once a second and tells the limiter. An instance never stops answering
because a lease cannot be renewed: it keeps its last share (or an equal part of the budget, if that is more, so that one
that was idle can work), learns below that, and takes a new lease as soon as the database is back.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import structlog

from gateway.centre.limit import Limit
from gateway.centre.shares import LASTS, Leased, Wish
from gateway.contract.errors import GatewayError
from gateway.database import DatabaseError

if TYPE_CHECKING:
    from gateway.centre.limiter import Limiter
    from gateway.centre.shares import Share
    from gateway.contract.host import Clock
    from gateway.settings.centre import LimiterSettings

log = structlog.get_logger()

LEAST_PASSED = 0.1
"""Seconds; calls offered are counted over at least this long."""


class Ground(StrEnum):
    """What the limit of an instance rests on."""

    OWN = "own"
    SHARED = "shared"
    KEPT = "kept"


class ShareStore(Protocol):
    """Where the instances meet."""

    async def renew(self, wish: Wish) -> Share:
        """Renew this instance's lease.

        Raises:
            GatewayError, DatabaseError: It cannot be renewed now.
        """

    async def leave(self) -> None:
        """Give the share back; errors as of `renew`."""

    async def close(self) -> None:
        """Let go of the storage."""


class Holding:
    """The limit of one of several instances (pure).

    Args:
        settings: Of the limiter.
        now: Monotonic seconds.

    Attributes:
        limit: What the gate asks; another object whenever the ground changes.
        ground: What it rests on.
        instances: Instances with a lease when this one was last renewed.
        budget: What all together may have in flight, as of then; None before the first lease.
    """

    def __init__(self, settings: LimiterSettings, now: float) -> None:
        self._settings = settings
        self._asked = now
        self.limit: Limit | Leased = Limit(settings, now)
        self.ground = Ground.OWN
        self.instances = 1
        self.budget: float | None = None

    def wish(self, now: float, offered: int) -> Wish:
        """What to renew the lease with.

        Args:
            now: Monotonic seconds.
            offered: Calls that came since the last wish, refused ones included.
        """
        passed, self._asked = max(LEAST_PASSED, now - self._asked), now
        limit = self.limit
        if isinstance(limit, Leased):
            return Wish(offered / passed, limit.report())
        learnt = self.ground is Ground.OWN and limit.typical is not None
        return Wish(offered / passed, believed=limit.value if learnt else None)

    def take(self, now: float, asked: float, share: Share) -> None:
        """A lease was renewed.

        Args:
            now: Monotonic seconds.
            asked: When it was asked for, on the same scale: it counts from then.
            share: What came back; its `until` is another clock's.
        """
        self.instances, self.budget = share.gateways, share.budget
        if share.gateways > 1:
            if not isinstance(self.limit, Leased):
                before = self.limit
                self.limit = Leased(typical=before.typical, spread=before.spread, epoch=before.epoch + 1)
            self.limit.take(replace(share, until=asked + LASTS))
            self.ground = Ground.SHARED
        elif self.ground is not Ground.OWN:
            self._live_alone(now, Ground.OWN, share.budget, float(self._settings.maximum))

    def missed(self, now: float) -> None:
        """A lease could not be renewed; once it is over, its holder goes on by itself with what it had."""
        limit = self.limit
        if isinstance(limit, Leased) and now >= limit.until:
            equal = (self.budget or 0.0) / self.instances
            self._live_alone(now, Ground.KEPT, limit.value, max(limit.value, equal))

    def _live_alone(self, now: float, ground: Ground, value: float, most: float) -> None:
        """A limit of its own that begins at a value; what was admitted before tells it nothing."""
        before, most = self.limit, max(1, int(most))
        own = Limit(self._settings.model_copy(update={"maximum": most}), now)
        own.value = max(1.0, min(float(most), value))
        own.typical, own.spread, own.epoch = before.typical, before.spread, before.epoch + 1
        self.limit, self.ground = own, ground


class ShareHolder:
    """Keeps the lease of this instance and tells the limiter what it may do.

    Args:
        limiter: Whose limit it is.
        store: Where the instances meet.
        settings: Of the limiter.
        clock: The gateway's clock.
    """

    def __init__(self, limiter: Limiter, store: ShareStore, settings: LimiterSettings, clock: Clock) -> None:
        self._limiter = limiter
        self._store = store
        self._clock = clock
        self._offered = limiter.offered
        self.holding = Holding(settings, clock.monotonic())
        limiter.live_on(self.holding.limit)

    async def renew(self) -> None:
        """Renew the lease; where that cannot be done, the limiter goes on with what it had."""
        asked = self._clock.monotonic()
        offered, self._offered = self._limiter.offered - self._offered, self._limiter.offered
        before = (self.holding.ground, self.holding.instances)
        try:
            share = await self._store.renew(self.holding.wish(asked, offered))
        except (GatewayError, DatabaseError):
            self.holding.missed(self._clock.monotonic())
        else:
            self.holding.take(self._clock.monotonic(), asked, share)
        self._limiter.live_on(self.holding.limit)
        self._tell(before)

    async def close(self) -> None:
        """Give the share back and let go of the storage."""
        try:
            await self._store.leave()
        except (GatewayError, DatabaseError):
            log.warning("centre.shares.not_given_back", seconds=LASTS)
        await self._store.close()

    def _tell(self, before: tuple[Ground, int]) -> None:
        holding = self.holding
        if (holding.ground, holding.instances) == before:
            return
        limit = round(holding.limit.value, 2)
        if holding.ground is Ground.KEPT:
            log.warning("centre.shares.kept", instances=holding.instances, limit=limit)
        else:
            log.info("centre.shares.changed", instances=holding.instances, limit=limit)
