"""The write half, put together: the outbox, its verbs, and the dispatcher that drains it.

```
submit ─► outbox ─► dispatcher ─► sender ─► limiter ─► breaker ─► centre
   └── wake ─────────────┘ ▲ circuit_moved
```
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.contract.host import Job
from gateway.flows.dispatch import Dispatcher, Pace
from gateway.flows.sender import CentreSender
from gateway.flows.submit import Submitter
from gateway.flows.track import Tracker
from gateway.wiring.forms import CLASSES, faults_of
from gateway.wiring.parts import open_outbox

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from datetime import tzinfo

    from gateway.contract.errors import FieldFault
    from gateway.contract.host import Clock
    from gateway.contract.submissions import Submission, SubmissionMoved
    from gateway.database import Database
    from gateway.flows.rights import Rights
    from gateway.settings import Settings
    from gateway.vault.keys import Keyring
    from gateway.wiring.chain import Chain
    from gateway.wiring.supervisor import Supervisor

OWNER = "dispatch"
BEGIN_WITHIN = 0.05
"""Seconds until the dispatcher begins, and first pause after it failed."""


class HandingIn:
    """What all generations share of the write half.

    Args:
        settings: The config; what concerns the dispatcher is read at start.
        chain: The way to the centre.
        database: Holds the outbox.
        keyring: Seals what is handed in.
        clock: The gateway's clock.
        rng: Source of jitter.
    """

    def __init__(
        self, settings: Settings, chain: Chain, database: Database, keyring: Keyring, clock: Clock, rng: random.Random
    ) -> None:
        self._clock = clock
        self.outbox = open_outbox(database, keyring, clock)
        pace = Pace(
            settings.outbox.deadline, settings.outbox.margin, settings.outbox.widest, closing=settings.server.drain
        )
        self.dispatcher = Dispatcher(self.outbox, CentreSender(chain.writes, chain.breaker), clock, rng, pace)

    def begin(self, supervisor: Supervisor) -> None:
        """Let the supervisor drain the outbox from now on."""
        supervisor.start(OWNER, Job("outbox", BEGIN_WITHIN, self.dispatcher.run))

    async def end(self, supervisor: Supervisor) -> None:
        """Claim nothing more and let the calls under way end, at most for the drain time."""
        await supervisor.stop(OWNER)

    def submitter(self, rights: Rights, zone: tzinfo, tell: Callable[[SubmissionMoved], None]) -> Submitter:
        """The verb *submit* under one config; what is accepted wakes the dispatcher."""

        def check(submission: Submission, filed_at: float) -> tuple[FieldFault, ...]:
            return faults_of(submission, datetime.fromtimestamp(filed_at, zone).date())

        submitter = Submitter(self.outbox, rights, CLASSES, check, self._clock, secrets.randbits)
        submitter.tell = self._waking(tell)
        return submitter

    def tracker(self, tell: Callable[[SubmissionMoved], None]) -> Tracker:
        """The verb *track*; what is released or retried wakes the dispatcher."""
        return Tracker(self.outbox, self._waking(tell))

    def _waking(self, tell: Callable[[SubmissionMoved], None]) -> Callable[[SubmissionMoved], None]:
        def told(moved: SubmissionMoved) -> None:
            self.dispatcher.wake()
            tell(moved)

        return told
