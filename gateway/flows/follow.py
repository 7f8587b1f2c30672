"""The verb *follow*: what the centre decided and changed is read from a stored cursor and takes effect here.

```
hold the lease ─► each account: cursor ─► events after it ─► observers ─► take_in (effects and cursor, one transaction)
                        │                     └─ more: again                 └─► moves told, caches forget
                        └─ the centre knows less than the cursor: doubt what it had taken, begin anew
```

At least once and in order: observers are told before the commit, so a kill in between tells them again. One of several
instances follows; another takes over once its lease is over. Whatever a page holds, reading goes on behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from gateway.catalogue.receipts import new_id
from gateway.centre.link import Trip
from gateway.centre.write_replies import Refused
from gateway.contract.errors import CentreMisanswered, GatewayError
from gateway.contract.events import CentreEvent
from gateway.contract.messages import Priority
from gateway.contract.submissions import IssuedDocument
from gateway.database.errors import DatabaseError, StorageFailed
from gateway.flows.lease import Lease
from gateway.outbox.following import Outcome, Tiding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from gateway.centre.write_replies import CentreEvent as Event
    from gateway.centre.write_replies import EventPage
    from gateway.contract.host import Clock
    from gateway.contract.submissions import SubmissionMoved
    from gateway.outbox.following import Following, TakenIn

_log = structlog.get_logger("gateway.follow")

PAGE: Final = 200
"""Events asked for at once; fewer after a page that could not be read, for it may have been too large."""

PAGES_A_TURN: Final = 50
"""Pages read of one account before the others have their turn."""

CALL: Final = 15.0
"""Seconds one page may take."""

LONGEST_REST: Final = 60.0
"""Seconds between two tries of an account that cannot be read, at most."""

KINDS: Final = frozenset({"issued", "rejected", "recording", "change", "death"})
"""Kinds of events that mean something here; others are skipped."""

_LEVELS: Final = {Outcome.KNOWN: "debug", Outcome.FOREIGN: "info", Outcome.INCOMPLETE: "info"}


class EventSource(Protocol):
    """Where events are read; `CentreWrites` is one."""

    async def events(self, trip: Trip, after: int, limit: int) -> EventPage | Refused:
        """What happened since a cursor."""


@dataclass(slots=True)
class _Account:
    """How reading one account goes.

    Attributes:
        limit: Events asked for at once.
        failures: Vain tries in a row.
        rests_until: Monotonic seconds.
    """

    limit: int = PAGE
    failures: int = 0
    rests_until: float = -inf


class Follower:
    """Reads the centre's events; several processes may have one, and one at a time reads.

    Args:
        following: Keeps cursors, and takes effects in.
        source: The way to the centre.
        accounts: Rights that hand in, by the right whose account stands for them; asked at each turn.
        mark: What stands for a NIK or KK number in news.
        clock: The gateway's clock.
        random: Source of jitter, and of this instance's name.

    Attributes:
        tell: Told of each move, after it was stored.
        observe: Told of each event, before it takes effect.
        woken: Called when something is to be forgotten.
    """

    def __init__(
        self,
        following: Following,
        source: EventSource,
        accounts: Callable[[], Mapping[str, Sequence[str]]],
        mark: Callable[[str], bytes],
        clock: Clock,
        random: Random,
    ) -> None:
        self.tell: Callable[[SubmissionMoved], None] = _nobody
        self.observe: Callable[[CentreEvent], None] = _nobody
        self.woken: Callable[[], None] = _nothing
        self._following = following
        self._source = source
        self._accounts = accounts
        self._mark = mark
        self._clock = clock
        self._random = random
        self._lease = Lease(following.hold, following.let_go, new_id(clock.now(), random.getrandbits), clock)
        self._known: dict[str, _Account] = {}

    async def turn(self) -> None:
        """Read all there is, if this instance is the one that follows; a job of the supervisor."""
        held = self._lease.token
        if await self._lease.hold() is None:
            return
        if held != self._lease.token:
            _log.info("follow.lease.taken")
        for account, rights in self._accounts().items():
            state = self._known.setdefault(account, _Account())
            if self._clock.monotonic() >= state.rests_until:
                await self._read(account, rights, state)

    async def close(self) -> None:
        """Let another instance follow at once."""
        await self._lease.release()

    async def _read(self, account: str, rights: Sequence[str], state: _Account) -> None:
        try:
            for _ in range(PAGES_A_TURN):
                if not await self._page(account, rights, state):
                    break
        except GatewayError as error:
            self._rest(account, state, error)
        else:
            state.failures = 0

    async def _page(self, account: str, rights: Sequence[str], state: _Account) -> bool:
        """Read one page and take it in; whether there is more."""
        if self._lease.token is None:
            return False
        after = await self._following.cursor(account)
        now = self._clock.monotonic()
        request_id = new_id(self._clock.now(), self._random.getrandbits)
        trip = Trip(account, "gateway", "", Priority.ONLINE, now + CALL, request_id)
        page = await self._source.events(trip, after, state.limit)
        if isinstance(page, Refused):
            return await self._refused(account, rights, page, after)
        state.limit = min(PAGE, state.limit * 2)
        for skipped in page.skipped:
            _log.error("follow.event.skipped", right=account, place=skipped.seq, reason=skipped.reason)
        await self._take_in(account, page)
        if not page.more and self._lease.token is not None:
            await self._following.caught_up(self._lease.token, account)
        return page.more

    async def _take_in(self, account: str, page: EventPage) -> None:
        """Take a page in as a whole; where that is not possible, one by one, but for those that cannot be."""
        events = [event for event in page.events if self._is_known(account, event)]
        for event in events:
            self.observe(_told(event))
        try:
            await self._store(account, events, page.next)
        except StorageFailed:
            raise
        except (DatabaseError, ValueError, TypeError, LookupError):
            for event in events:
                await self._store_one(account, event)
            await self._store(account, (), page.next)

    async def _store_one(self, account: str, event: Event) -> None:
        try:
            await self._store(account, (event,), event.seq)
        except StorageFailed:
            raise
        except (DatabaseError, ValueError, TypeError, LookupError) as error:
            kind = type(error).__name__
            _log.error("follow.event.skipped", right=account, place=event.seq, reason="impossible", error=kind)

    async def _store(self, account: str, events: Sequence[Event], upto: int) -> None:
        if self._lease.token is None:
            return
        tidings = [self._tiding(event) for event in events]
        taken = await self._following.take_in(self._lease.token, account, tidings, upto)
        if taken is None:
            self._lease.lost()
            _log.warning("follow.lease.lost", right=account)
            return
        self._tell(account, taken)

    def _tell(self, account: str, taken: TakenIn) -> None:
        for seq, outcome in taken.unmoved:
            log = getattr(_log, _LEVELS.get(outcome, "error"))
            log("follow.event.unmoved", right=account, place=seq, reason=str(outcome))
        for moved in taken.moved:
            self.tell(moved)
        if taken.news:
            self.woken()

    def _is_known(self, account: str, event: Event) -> bool:
        if event.kind not in KINDS:
            _log.info("follow.event.unknown_kind", right=account, place=event.seq)
            return False
        return True

    def _tiding(self, event: Event) -> Tiding:
        if event.kind in {"change", "death"}:
            about = (event.nik, event.no_kk, event.no_kk_before)
            families = tuple(digits for digits in about[1:] if digits is not None)
            marks = tuple(self._mark(digits) for digits in about if digits is not None)
            return Tiding(event.seq, subjects=marks, at=event.at.timestamp(), families=families)
        if event.kind == "recording":
            return Tiding(event.seq)
        at = event.at.timestamp()
        documents = tuple(IssuedDocument(one.kind, one.number, one.receipt, one.nik) for one in event.documents)
        rejected = event.rejection.code if event.kind == "rejected" and event.rejection is not None else ""
        issued = () if rejected else documents
        return Tiding(event.seq, event.reference, event.receipt, issued, rejected, at=at)

    async def _refused(self, account: str, rights: Sequence[str], refused: Refused, after: int) -> bool:
        """The centre does not know the cursor: it was put back to an earlier state; whether to read on."""
        if refused.code != "cursor_unknown" or not after:
            raise CentreMisanswered(f"The centre does not tell its events ({refused.code}).", executed="no")
        _log.error("follow.centre.restored", right=account, place=after)
        before, place = self._clock.now(), ""
        while self._lease.token is not None:
            ids = await self._following.taken(rights, before, place)
            moved = await self._following.rewind(self._lease.token, account, ids)
            if moved is None:
                self._lease.lost()
                return False
            for one in moved:
                self.tell(one)
            if not ids:
                return True
            place = ids[-1]
        return False

    def _rest(self, account: str, state: _Account, error: GatewayError) -> None:
        state.failures += 1
        if isinstance(error, CentreMisanswered):
            state.limit = max(1, state.limit // 2)
        pause = min(LONGEST_REST, 2.0 ** min(state.failures, 10)) * self._random.uniform(0.5, 1.0)
        state.rests_until = self._clock.monotonic() + pause
        _log.warning("follow.read.failed", right=account, code=error.code, failures=state.failures)


def _told(event: Event) -> CentreEvent:
    """An event as observers are told of it."""
    code = event.rejection.code if event.rejection is not None else str(event.state or "")
    return CentreEvent(
        event.seq,
        event.at.timestamp(),
        event.kind,
        event.reference,
        code,
        event.nik,
        event.no_kk,
        event.no_kk_before,
        event.elements,
    )


def _nobody(_told_of: object) -> None:
    """Observe nothing; replaced when extensions are registered."""


def _nothing() -> None:
    """Wake nobody."""
