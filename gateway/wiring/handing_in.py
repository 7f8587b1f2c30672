"""The write half, put together: the outbox, its verbs, and the dispatcher that drains it.

```
attach ─► blobs ──────────────────┐
submit ─► outbox ─► dispatcher ─► sender ─► limiter ─► breaker ─► centre
   └── wake ─────────────┘ ▲ circuit_moved
```
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from gateway.catalogue.forms.checking import check_submission
from gateway.contract.host import Job
from gateway.flows.attach import Attacher, Terms
from gateway.flows.dispatch import Dispatcher, Pace
from gateway.flows.sender import CentreSender
from gateway.flows.submit import Submitter
from gateway.flows.track import Tracker
from gateway.outbox.notify_store import DatabaseNotifying
from gateway.wiring.forms import CLASSES
from gateway.wiring.parts import open_blobs, open_following, open_outbox

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from gateway.contract.errors import FieldFault
    from gateway.contract.host import Clock
    from gateway.contract.submissions import Submission, SubmissionMoved
    from gateway.database import Database
    from gateway.flows.rights import Rights
    from gateway.ledger.exchange import DeedRecorder
    from gateway.settings import Settings
    from gateway.settings.sections import BlobsSettings
    from gateway.vault.keys import Keyring
    from gateway.wiring.chain import Chain
    from gateway.wiring.supervisor import Supervisor

_log = structlog.get_logger("gateway.blobs")

OWNER = "dispatch"
SWEEP_EVERY = 600.0
"""Seconds between two looks for files that nobody needs."""

FILL_EVERY = 15.0
"""Seconds between two looks whether the second copy of files came back."""

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
        self._keep = settings.blobs.keep_days * 86_400.0
        self.blobs = open_blobs(settings, database, keyring, clock)
        self.outbox = open_outbox(database, keyring, clock)
        pace = Pace(
            settings.outbox.deadline,
            settings.outbox.margin,
            settings.outbox.widest,
            closing=settings.server.drain,
            alone=database.kind == "sqlite",  # one process at a time serves a data folder (`wiring.claim`)
        )
        sender = CentreSender(chain.writes, chain.breaker, self.blobs)
        self.dispatcher = Dispatcher(self.outbox, sender, clock, rng, pace)
        self.following = open_following(database, keyring, clock)
        self.notifying = DatabaseNotifying(database, clock)

    def begin(self, supervisor: Supervisor) -> None:
        """Let the supervisor drain the outbox from now on."""
        supervisor.start(OWNER, Job("outbox", BEGIN_WITHIN, self.dispatcher.run))
        supervisor.start(OWNER, Job("blobs", SWEEP_EVERY, self._sweep))
        supervisor.start(OWNER, Job("copies", FILL_EVERY, self._fill))

    async def end(self, supervisor: Supervisor) -> None:
        """Claim nothing more and let the calls under way end, at most for the drain time."""
        await supervisor.stop(OWNER)

    def submitter(
        self, rights: Rights, settings: Settings, tell: Callable[[SubmissionMoved], None], ledger: DeedRecorder | None
    ) -> Submitter:
        """The verb *submit* under one config; what is accepted wakes the dispatcher."""
        zone, profiles = settings.zone, settings.profiles

        def check(submission: Submission, filed_at: float) -> tuple[FieldFault, ...]:
            return check_submission(submission, datetime.fromtimestamp(filed_at, zone).date(), profiles)

        submitter = Submitter(self.outbox, rights, CLASSES, check, self.blobs, self._clock, secrets.randbits, ledger)
        submitter.tell = self.waking(tell)
        return submitter

    def attacher(self, rights: Rights, settings: BlobsSettings) -> Attacher:
        """The verb *attach* under one config."""
        terms = Terms(settings.max_bytes, settings.waiting_bytes, frozenset(settings.kinds))
        return Attacher(self.blobs, rights, terms, self._clock)

    def tracker(self, tell: Callable[[SubmissionMoved], None], ledger: DeedRecorder | None) -> Tracker:
        """The verb *track*; what is released or retried wakes the dispatcher."""
        return Tracker(self.outbox, self.following, self.notifying, self._clock, self.waking(tell), ledger)

    async def _sweep(self) -> None:
        """Throw away files no submission took in time."""
        if count := await self.blobs.sweep(self._clock.now() - self._keep):
            _log.info("blobs.swept", count=count)

    async def _fill(self) -> None:
        """Bring files to the second copy that it missed."""
        if count := await self.blobs.fill():
            _log.info("blobs.copied", count=count)

    def waking(self, tell: Callable[[SubmissionMoved], None]) -> Callable[[SubmissionMoved], None]:
        """Tell of moves, and wake the dispatcher with each."""

        def told(moved: SubmissionMoved) -> None:
            self.dispatcher.wake()
            tell(moved)

        return told
