"""The verb *dispatch*: what waits in the outbox reaches the centre, exactly once.

```
claim ─► sending ─► submit ─► taken: delivered · refused for good: attention · nothing handed in: handed back
      │                └────► nobody knows: unknown
      └► unknown ─► find ───► there: delivered · certainly not there: queued · cannot tell: stays
```

No transaction is open while the centre is called. The lease is longer than the call may take, and the call is ended
before the lease is: whoever finds the claim after that may ask the centre without meeting us there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog

from gateway.contract.errors import CallerError, CentreTimeout, Conflict, GatewayError
from gateway.contract.submissions import Move, SubmissionMoved
from gateway.contract.submissions import SubmissionState as State
from gateway.flows.drain import Drain
from gateway.outbox.backoff import is_own, is_spent, own_pause, shared_pause
from gateway.outbox.outbox import Ending

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from gateway.contract.events import CircuitMove
    from gateway.contract.host import Clock
    from gateway.outbox.lanes import Lane
    from gateway.outbox.outbox import Claimed, Facts, Outbox

_log = structlog.get_logger("gateway.dispatch")

TOO_MANY_FAILURES = "too_many_failures"
"""Reason for `attention` after failures of its own."""

UNREADABLE = "unreadable"
"""Reason for `attention` when the content cannot be opened: a key is missing, or bytes were changed."""

NOT_THERE = "not_there"
"""Reason for `queued` after the centre said it has nothing."""

CUT = "stopped"
"""Reason for `unknown` when the dispatcher was stopped while the call was under way."""

LAST_WORD = 1.0
"""Seconds a call that was cut has to store that it was."""

NOT_KEPT = "files_not_kept"
"""Reason for `queued` after the centre took pieces of its files and has no more of them than before."""

BROUGHT_AT_MOST = 10_000
"""Submissions of which it is remembered how far their files came."""


class Taken(msgspec.Struct, frozen=True):
    """The centre has it.

    Attributes:
        receipt: What the centre calls it.
    """

    receipt: str


class Refused(msgspec.Struct, frozen=True):
    """The centre did not take it, and would not if it were sent again.

    Attributes:
        code: Its coded reason.
    """

    code: str


class Partly(msgspec.Struct, frozen=True, order=True):
    """Some of its files reached the centre, and nothing else of it; the next try goes on with the rest.

    Attributes:
        file: Which of them was under way, from 0; those before it are there.
        offset: Bytes of it that the centre said it has.
    """

    file: int
    offset: int


class Sender(Protocol):
    """The way of a submission to the centre: limiter, breaker, client."""

    def is_open(self, lane: Lane) -> bool:
        """Whether calls for a lane have a chance now; False keeps the lane out of the claims."""

    async def submit(self, claimed: Claimed, until: float) -> Taken | Refused | Partly:
        """Bring its files, then hand in under our id as reference, before `until` (monotonic seconds).

        Raises:
            GatewayError: `executed` says `no` only if the centre certainly did not act on it.
        """

    async def find(self, claimed: Claimed, until: float) -> Taken | None:
        """What the centre holds under our reference; None means *certainly not there*.

        Raises:
            GatewayError: It could not be learned.
        """


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of the dispatcher.

    Attributes:
        deadline: Seconds one call may take.
        margin: Seconds by which the lease is longer than that.
        widest: Submissions under way at once.
        tend_every: Seconds between two looks at leases and pauses that are over.
        closing: Seconds that calls under way get to end when the dispatcher is stopped.
        alone: No other process drains the same outbox: claims found at the start are of nobody who lives.
    """

    deadline: float = 30.0
    margin: float = 15.0
    widest: int = 64
    tend_every: float = 1.0
    closing: float = 5.0
    alone: bool = False


class Dispatcher:
    """Drains the outbox; several processes may do so at once.

    Args:
        outbox: What waits.
        sender: The way to the centre.
        clock: The gateway's clock.
        random: Source of jitter.
        pace: Bounds.
    """

    def __init__(self, outbox: Outbox, sender: Sender, clock: Clock, random: Random, pace: Pace | None = None) -> None:
        self.tell: Callable[[SubmissionMoved], None] = _nobody
        self._outbox = outbox
        self._sender = sender
        self._clock = clock
        self._random = random
        self._pace = pace or Pace()
        self._drain = Drain(self._pace.widest, random)
        self._brought: dict[str, Partly] = {}
        self._under_way: dict[asyncio.Task[None], float] = {}
        self._woken = asyncio.Event()
        self._last_success: float | None = None
        self._tended_at = -inf
        self._is_heir = False

    def wake(self) -> None:
        """Something was accepted or released: look at once."""
        self._woken.set()

    def circuit_moved(self, move: CircuitMove) -> None:
        """A breaker moved: whatever it says now, the next try is worth making at once."""
        if move.before is not move.after:
            self._drain.wake()
            self._woken.set()

    async def run(self) -> None:
        """Drain until cancelled; a job of the supervisor. Storage that fails is tried again every `tend_every`."""
        self._is_heir = self._pace.alone
        try:
            while True:
                self._woken.clear()
                if not await self._turn():
                    await self._rest()
        finally:
            await self._end_calls()

    async def _turn(self) -> bool:
        """Look after what is over and start what may go; whether anything was started."""
        try:
            await self._tend()
            return await self._start()
        except GatewayError as error:
            _log.error("dispatch.storage.failed", code=error.code)
            return False

    async def _tend(self) -> None:
        if self._is_heir:
            self._tell_over(await self._outbox.inherit())
            self._is_heir = False
        now = self._clock.monotonic()
        if now - self._tended_at >= self._pace.tend_every:
            self._tended_at = now
            self._tell_over(await self._outbox.expire())
            await self._outbox.wake()

    def _tell_over(self, count: int) -> None:
        if count:
            _log.warning("dispatch.leases.over", count=count)

    async def _start(self) -> bool:
        """Claim what there is room for and send it on its way; whether there was anything."""
        now = self._clock.monotonic()
        room = self._drain.room(now, self._under_way.values())
        if not room:
            return False
        lease = self._pace.deadline + self._pace.margin
        claims = await self._outbox.claim(room, lease, self._sender.is_open)
        for claimed in claims:
            task = asyncio.create_task(self._carry(claimed, now + self._pace.deadline))
            self._under_way[task] = now
            task.add_done_callback(self._ended)
        return bool(claims)

    async def _rest(self) -> None:
        resumes = self._drain.resumes_in(self._clock.monotonic())
        try:
            async with asyncio.timeout(min(resumes or self._pace.tend_every, self._pace.tend_every)):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _end_calls(self) -> None:
        """Let calls under way end; those that do not are cut, and asked about by whoever drains next."""
        if not self._under_way:
            return
        _done, late = await asyncio.wait(self._under_way, timeout=self._pace.closing)
        for task in late:
            task.cancel()
        if late:
            _log.warning("dispatch.calls.cut", count=len(late))
            await asyncio.wait(late)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._woken.set()

    async def _carry(self, claimed: Claimed, until: float) -> None:
        """One claim from its call to its end, which is tried until it is stored, or the lease ends the claim."""
        ending: Ending | float | None = None
        try:
            ending = await self._called(claimed, until)
            while not await self._stored(claimed, ending) and self._clock.monotonic() < until + self._pace.margin:  # noqa: ASYNC110 # storage gives no sign
                await asyncio.sleep(self._pace.tend_every)
        except asyncio.CancelledError:
            await self._last_word(claimed, self._cut(claimed) if ending is None else ending)
            raise
        except Exception:  # noqa: BLE001 # whatever it was, the lease brings the submission back
            _log.exception("dispatch.end.not_stored", submission=claimed.facts.id, code="internal")

    def _cut(self, claimed: Claimed) -> Ending | float:
        """How a claim ends whose call is cut by a stop: others need not wait until its lease is over."""
        if claimed.facts.state is State.UNKNOWN:
            return 0.0
        return Ending(State.UNKNOWN, CUT, not_before=self._clock.now() + shared_pause(self._random))

    async def _last_word(self, claimed: Claimed, ending: Ending | float) -> None:
        """Store an end once more while the dispatcher stops; if that fails, the lease ends the claim."""
        try:
            async with asyncio.timeout(LAST_WORD):
                await self._stored(claimed, ending)
        except Exception:  # noqa: BLE001 # as in `_carry`
            _log.exception("dispatch.end.not_stored", submission=claimed.facts.id, code="internal")

    async def _stored(self, claimed: Claimed, ending: Ending | float) -> bool:
        """Store how a claim ended; False if the storage cannot now."""
        try:
            if isinstance(ending, float):
                await self._outbox.hand_back(claimed, self._clock.now() + ending)
                return True
            facts = await self._outbox.finish(claimed, ending)
        except GatewayError as error:
            _log.error("dispatch.end.not_stored", submission=claimed.facts.id, code=error.code)
            return isinstance(error, Conflict)
        if facts is None:
            _log.warning("dispatch.claim.expired", submission=claimed.facts.id)
        elif facts.state is not claimed.facts.state:
            self._tell(claimed.facts, facts)
        return True

    async def _called(self, claimed: Claimed, until: float) -> Ending | float:
        """How the claim ends, or after how many seconds it is tried again as if nothing had been."""
        asking = claimed.facts.state is State.UNKNOWN
        try:
            async with asyncio.timeout(max(0.0, until - self._clock.monotonic())):
                ending = await (self._ask(claimed, until) if asking else self._send(claimed, until))
        except TimeoutError:
            return self._setback(claimed, CentreTimeout())
        except GatewayError as error:
            return self._setback(claimed, error)
        except Exception:  # noqa: BLE001 # a fault of ours: nobody knows how far it got
            _log.exception("dispatch.call.failed", submission=claimed.facts.id)
            return self._setback(claimed, GatewayError(executed="unknown"))
        self._last_success = self._clock.monotonic()
        self._drain.went_well(until - self._pace.deadline)
        return ending

    async def _send(self, claimed: Claimed, until: float) -> Ending | float:
        if claimed.submission is None:
            _log.error("dispatch.content.unreadable", submission=claimed.facts.id)
            return Ending(State.ATTENTION, UNREADABLE)
        said = await self._sender.submit(claimed, until)
        if isinstance(said, Partly):
            return self._partly(claimed.facts, said)
        self._brought.pop(claimed.facts.id, None)
        if isinstance(said, Taken):
            return Ending(State.DELIVERED, centre_receipt=said.receipt)
        _log.warning("dispatch.refused_for_good", submission=claimed.facts.id, code=said.code)
        return Ending(State.ATTENTION, said.code)

    def _partly(self, facts: Facts, came: Partly) -> Ending | float:
        """At once again while its files grow there; a centre that keeps no more of them than before is a failure."""
        before = self._brought.pop(facts.id, None)
        while len(self._brought) >= BROUGHT_AT_MOST:
            del self._brought[next(iter(self._brought))]
        self._brought[facts.id] = came if before is None else max(before, came)
        if before is None or came > before:
            return 0.0
        failures = facts.failures + 1
        _log.warning("dispatch.setback", submission=facts.id, code=NOT_KEPT, failures=failures)
        if is_spent(failures):
            return Ending(State.ATTENTION, TOO_MANY_FAILURES, failed=True)
        pause = own_pause(failures, self._random)
        return Ending(State.QUEUED, NOT_KEPT, not_before=self._clock.now() + pause, failed=True)

    async def _ask(self, claimed: Claimed, until: float) -> Ending:
        found = await self._sender.find(claimed, until)
        if found is None:
            return Ending(State.QUEUED, NOT_THERE)
        return Ending(State.DELIVERED, centre_receipt=found.receipt)

    def _setback(self, claimed: Claimed, error: GatewayError) -> Ending | float:
        """The call failed: what of it is the submission's own, and when it is tried again."""
        facts, now = claimed.facts, self._clock.monotonic()
        asking = facts.state is State.UNKNOWN
        if error.executed == "no" and isinstance(error, CallerError) and not asking:
            return Ending(State.ATTENTION, error.code)
        if error.executed == "no":
            self._drain.refused(now)
            return self._later(error)
        own = is_own(now, self._last_success)
        failures = facts.failures + int(own)
        _log.warning("dispatch.setback", submission=facts.id, code=error.code, failures=failures)
        if own and is_spent(failures):
            return Ending(State.ATTENTION, TOO_MANY_FAILURES, failed=True, uncertain=True)
        if not own:
            self._drain.refused(now)
            if asking:
                return shared_pause(self._random)
        pause = own_pause(failures, self._random) if own else shared_pause(self._random)
        return Ending(State.UNKNOWN, error.code, not_before=self._clock.now() + pause, failed=own)

    def _later(self, error: GatewayError) -> float:
        """Seconds until another try of what was not sent; a right that is refused for hours rests for minutes."""
        if error.retry_after is not None and error.retry_after > LONG_REST:
            return LONG_REST * self._random.uniform(0.5, 1.0)
        return shared_pause(self._random)

    def _tell(self, before: Facts, after: Facts) -> None:
        move = Move(after.moves, after.state_at, before.state, after.state, "dispatcher", after.reason)
        self.tell(SubmissionMoved(after.id, after.caller, after.adapter, after.service, after.village, move))


LONG_REST = 300.0
"""Seconds a submission rests whose right may not be used for longer than that: quota, hours, account."""


def _nobody(_moved: SubmissionMoved) -> None:
    """Observe nothing; replaced when extensions are registered."""
