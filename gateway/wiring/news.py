"""What follows delivery, put together: the centre is followed, caches forget, callers are told.

```
centre's events ─► follower ─► following (moves, documents, news, cursor) ─► forgetter ─► this instance's cache
                                   moves ─► notices ─► announcer ─► notifiers of extensions
                                                └────► feed ─► /v1/events
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gateway.contract.errors import GatewayError
from gateway.contract.host import Job
from gateway.contract.status import FollowStatus
from gateway.database.errors import DatabaseError
from gateway.flows.follow import Follower
from gateway.flows.forget import Forgetter
from gateway.flows.notify import Announcer, Patience

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from gateway.contract.events import CentreEvent
    from gateway.contract.host import Clock
    from gateway.contract.submissions import SubmissionMoved
    from gateway.flows.notify import Bounded
    from gateway.people.callers import Callers
    from gateway.settings import Settings
    from gateway.wiring.chain import Chain
    from gateway.wiring.handing_in import HandingIn
    from gateway.wiring.supervisor import Supervisor

_log = structlog.get_logger("gateway.follow")

FOLLOW, NOTIFY, FORGET = "follow", "notify", "forget"
FORGET_EVERY = 1.0
"""Seconds between two looks at what is to be forgotten."""

NOTIFY_EVERY = 1.0
"""Seconds between two looks at what is to be told."""

TIDY_EVERY = 600.0
"""Seconds between two rounds of forgetting what is too old."""


class News:
    """What all generations share of what follows delivery.

    Args:
        settings: The config; all but the accounts is read at start.
        chain: The way to the centre.
        handing_in: The write half.
        callers: Names of callers.
        clock: The gateway's clock.
        rng: Source of jitter.
    """

    def __init__(
        self,
        settings: Settings,
        chain: Chain,
        handing_in: HandingIn,
        callers: Callers,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.settings = settings
        self._follow = settings.follow
        self._clock = clock
        self._following, self._notifying = handing_in.following, handing_in.notifying
        notify = settings.notify
        patience = Patience(notify.give_up, notify.first_pause, notify.longest_pause, notify.widest)
        self.follower = Follower(self._following, chain.writes, self._accounts, chain.cache.mark, clock, rng)
        self.forgetter = Forgetter(self._following, chain.cache)
        self.announcer = Announcer(self._notifying, callers.name_of, clock, rng, patience)
        self._waking = handing_in.waking

    def settle(
        self,
        settings: Settings,
        tell: Callable[[SubmissionMoved], None],
        observe: Callable[[CentreEvent], None],
        notifiers: Mapping[str, Bounded],
    ) -> None:
        """Take over what a generation's config and extensions say."""
        self.settings = settings
        self.follower.tell = self._waking(tell)
        self.follower.observe = observe
        self.announcer.notifiers = notifiers

    async def open(self) -> None:
        """Tell and forget from now on: what moves or changes after this counts, whenever the next look at it comes.

        A storage that cannot serve keeps no gateway from starting; then it begins with the first look that succeeds.
        """
        try:
            await self.announcer.turn()
        except (GatewayError, DatabaseError) as error:
            _log.warning("notify.begin.failed", error=type(error).__name__)
        try:
            await self.forgetter.turn()
        except (GatewayError, DatabaseError) as error:
            _log.warning("follow.news.failed", error=type(error).__name__)

    def begin(self, supervisor: Supervisor) -> None:
        """Let the supervisor do all of it from now on."""
        supervisor.start(FOLLOW, Job("events", self._follow.every, self.follower.turn))
        supervisor.start(FORGET, Job("news", FORGET_EVERY, self.forgetter.turn))
        supervisor.start(NOTIFY, Job("deliveries", NOTIFY_EVERY, self.announcer.turn))
        supervisor.start(FORGET, Job("tidy", TIDY_EVERY, self.tidy))

    async def end(self, supervisor: Supervisor) -> None:
        """Stop, and let another instance go on at once."""
        for owner in (FOLLOW, NOTIFY, FORGET):
            await supervisor.stop(owner)
        await self.announcer.close()
        await self.follower.close()

    async def tidy(self) -> None:
        """Forget news and notices that are too old."""
        before = self._clock.now() - self._follow.keep
        forgotten = await self._following.forget_news(before)
        while purged := await self._notifying.purge(before):
            forgotten += purged
        if forgotten:
            _log.info("follow.tidied", count=forgotten)

    async def status(self) -> FollowStatus:
        """How far the events are read, and what waits to be told."""
        counts = await self._notifying.counts()
        return FollowStatus(await self._following.read_at(), counts.pending, counts.dead)

    def _accounts(self) -> Mapping[str, Sequence[str]]:
        """Rights that hand in, by the first right of the same account at the centre."""
        found: dict[str, list[str]] = {}
        for name, right in sorted(self.settings.rights.items()):
            if right.submissions:
                found.setdefault(right.user_id, []).append(name)
        return {names[0]: names for names in found.values()}
