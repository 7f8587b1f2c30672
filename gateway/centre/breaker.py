"""A rest for a service of the centre that fails: own window and permits, pybreaker as the state machine.

```
CLOSED ──rate of failures or of slow calls in the window──► OPEN ──open time over, next caller──► HALF_OPEN
   ▲                                                          ▲                                     │    │
   │                                                          └──────────── a probe failed ─────────┘    │
   └───────────────────────────────── enough probes succeeded ───────────────────────────────────────────┘
```

pybreaker's own counting and calling are not used: it counts consecutive failures only, cannot guard a coroutine,
and lets every half-open caller through. Each permit carries the generation of the state it was given in; results
of an earlier generation are ignored. A cancelled caller says nothing about the centre. A probe that fails tells of the
moment it was sent: the rest counts from there, and it says nothing once a call sent after it was answered.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from enum import Enum
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

import pybreaker
import structlog

from gateway.centre.link import carry
from gateway.centre.verdict import Refuse
from gateway.contract.errors import (
    CentreError,
    CentreMisanswered,
    CentreTimeout,
    CentreUnavailable,
    CentreUnreachable,
    GatewayError,
    Invalid,
    Maintenance,
)
from gateway.contract.events import CircuitMove, CircuitState
from gateway.contract.messages import CentreService

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from random import Random

    from gateway.centre.link import Asker, Carriage, Flight, Link
    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Call
    from gateway.settings.centre import BreakerSettings

log = structlog.get_logger()

T = TypeVar("T")

BUCKETS = 10
"""Parts of a window; one is forgotten at a time."""

FAILURES = (CentreUnreachable, CentreMisanswered, Maintenance)
"""Failures of the centre whenever they happen; a timeout only if the centre had a fair chance."""

_STATES = {
    pybreaker.STATE_CLOSED: CircuitState.CLOSED,
    pybreaker.STATE_OPEN: CircuitState.OPEN,
    pybreaker.STATE_HALF_OPEN: CircuitState.HALF_OPEN,
}


class Outcome(Enum):
    """What a finished call says about the centre.

    `SILENCE` is a call without an answer in a fair time: a failure, unless a later call was answered meanwhile. Then
    the centre is there and has too much to do, which is the limiter's matter.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    SILENCE = "silence"
    NEUTRAL = "neutral"


class Window:
    """Counts of calls, failures and slow calls over the last `length` seconds."""

    __slots__ = ("_buckets", "_epoch", "_totals", "_width")

    def __init__(self, length: float) -> None:
        self._width = length / BUCKETS
        self._buckets = [(0, 0, 0)] * BUCKETS
        self._totals = (0, 0, 0)
        self._epoch = 0

    def add(self, now: float, *, failed: bool, slow: bool) -> tuple[int, int, int]:
        """Count one finished call; returns calls, failures and slow calls with it."""
        self._forget(now)
        place = self._epoch % BUCKETS
        calls, failures, slows = self._buckets[place]
        self._buckets[place] = (calls + 1, failures + failed, slows + slow)
        calls, failures, slows = self._totals
        self._totals = (calls + 1, failures + failed, slows + slow)
        return self._totals

    def totals(self, now: float) -> tuple[int, int, int]:
        """Calls, failures, slow calls."""
        self._forget(now)
        return self._totals

    def _forget(self, now: float) -> None:
        epoch = int(now / self._width)
        if epoch <= self._epoch:
            return
        for passed in range(min(BUCKETS, epoch - self._epoch)):
            self._buckets[(epoch - passed) % BUCKETS] = (0, 0, 0)
        self._epoch = epoch
        calls, failures, slows = (sum(column) for column in zip(*self._buckets, strict=True))
        self._totals = (calls, failures, slows)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call; handed back with its outcome.

    Attributes:
        generation: State period it was given in.
        at: Monotonic seconds when it was given.
    """

    generation: int
    at: float


class Circuit(pybreaker.CircuitBreakerListener):
    """The breaker of one service (pure; time and randomness are handed in).

    Args:
        settings: Knobs.
        random: Source of jitter.
        moved: Told of each change: before, after, reason.
    """

    def __init__(
        self,
        settings: BreakerSettings,
        random: Random,
        moved: Callable[[CircuitState, CircuitState, str], None] = lambda _before, _after, _reason: None,
    ) -> None:
        self._settings = settings
        self._random = random
        self._moved = moved
        self._machine = pybreaker.CircuitBreaker(
            fail_max=sys.maxsize,
            listeners=[self],
            state_storage=pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED),
            throw_new_error_on_trip=False,
        )
        self._window = Window(settings.window)
        self._generation = 0
        self._probes: list[Permit] = []
        self._proven = 0
        self._in_a_row = 0
        self._rest = settings.open_first
        self._until = 0.0
        self._closed_at = -inf
        self._well_at = -inf
        self._well_since = -inf
        self.reason = ""

    @property
    def state(self) -> CircuitState:
        """The state now; an open circuit stays `OPEN` until the first caller after its rest."""
        return _STATES[self._machine.current_state]

    @property
    def probing(self) -> int:
        """Probes under way."""
        return len(self._probes)

    def may_go(self, now: float) -> bool:
        """Whether `offer` would give a permit now; asking changes nothing."""
        state = self.state
        if state is CircuitState.OPEN:
            return now >= self._until
        if state is CircuitState.CLOSED:
            return True
        patience = self._settings.probe_patience
        return sum(now - probe.at < patience for probe in self._probes) < self._settings.probes

    def offer(self, now: float) -> Permit | Refuse:
        """A permit, or for how long to stay away."""
        state = self.state
        if state is CircuitState.CLOSED:
            return Permit(self._generation, now)
        if state is CircuitState.OPEN:
            if now < self._until:
                return Refuse(self._jittered(self._until - now), "open")
            self._enter("open_time_over", self._machine.half_open)
        return self._probe(now)

    def done(self, now: float, permit: Permit, outcome: Outcome, seconds: float) -> None:
        """Hand a permit back.

        Args:
            now: Monotonic seconds.
            permit: What `offer` gave.
            outcome: What the call says about the centre.
            seconds: How long it took.
        """
        if outcome is Outcome.SILENCE:
            outcome = Outcome.NEUTRAL if self._well_at > permit.at else Outcome.FAILURE
        elif outcome is Outcome.SUCCESS:
            self._well_at = now
            self._well_since = max(self._well_since, permit.at)
        if permit.generation != self._generation:
            return
        if self.state is CircuitState.HALF_OPEN:
            self._judge_probe(now, permit, outcome)
        elif outcome is not Outcome.NEUTRAL:
            self._judge_window(now, failed=outcome is Outcome.FAILURE, slow=seconds >= self._settings.slow)

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,  # noqa: ARG002 - the signature is pybreaker's
        old_state: pybreaker.CircuitBreakerState | None,  # noqa: ARG002 - the signature is pybreaker's
        new_state: pybreaker.CircuitBreakerState,  # noqa: ARG002 - the signature is pybreaker's
    ) -> None:
        """The machine moves: results of what was permitted before are ignored from now on."""
        self._generation += 1
        self._probes.clear()
        self._proven = 0

    def _enter(self, reason: str, move: Callable[[], object]) -> None:
        before = self.state
        self.reason = reason
        move()
        self._moved(before, self.state, reason)

    def _probe(self, now: float) -> Permit | Refuse:
        """A probe's permit; one that stays away too long no longer blocks the next."""
        patience = self._settings.probe_patience
        self._probes = [probe for probe in self._probes if now - probe.at < patience]
        if len(self._probes) >= self._settings.probes:
            return Refuse(self._jittered(patience / 2), "probing")
        permit = Permit(self._generation, now)
        self._probes.append(permit)
        return permit

    def _judge_probe(self, now: float, permit: Permit, outcome: Outcome) -> None:
        self._probes = [probe for probe in self._probes if probe is not permit]
        if outcome is Outcome.FAILURE:
            if permit.at >= self._well_since:
                self._open(permit.at, "probe_failed")
        elif outcome is Outcome.SUCCESS:
            self._proven += 1
            if self._proven >= self._settings.probes:
                self._close(now)

    def _judge_window(self, now: float, *, failed: bool, slow: bool) -> None:
        settings = self._settings
        calls, failures, slow_calls = self._window.add(now, failed=failed, slow=slow)
        self._in_a_row = self._in_a_row + 1 if failed else 0
        enough = calls >= settings.minimum
        if (enough and failures >= settings.failure_rate * calls) or self._in_a_row >= settings.in_a_row:
            self._open(now, "failure_rate")
        elif enough and slow_calls >= settings.slow_rate * calls:
            self._open(now, "slow_rate")

    def _open(self, since: float, reason: str) -> None:
        """Rest, counted from `since`; twice as long as before unless the circuit had been well for a whole window."""
        settings = self._settings
        recovered = self.state is CircuitState.CLOSED and since - self._closed_at >= settings.window
        self._rest = settings.open_first if recovered else min(settings.open_cap, self._rest * 2.0)
        self._until = since + self._jittered(min(self._rest, settings.open_cap))
        self._enter(reason, self._machine.open)

    def _close(self, now: float) -> None:
        self._window = Window(self._settings.window)
        self._in_a_row = 0
        self._closed_at = now
        self._enter("probe_succeeded", self._machine.close)

    def _jittered(self, seconds: float) -> float:
        """Between three quarters of it and all of it."""
        return seconds * self._random.uniform(0.75, 1.0)


class Breaker:
    """The link that asks a service only while its circuit lets it.

    It is also where an attempt meets its flight's deadline, as far as joining askers extended it.

    Args:
        inner: Next link.
        settings: Knobs.
        clock: The gateway's clock.
        random: Source of jitter.
        observers: Told of every move of a circuit; their errors are logged.
    """

    def __init__(
        self,
        inner: Link,
        settings: BreakerSettings,
        *,
        clock: Clock,
        random: Random,
        observers: Sequence[Callable[[CircuitMove], None]] = (),
    ) -> None:
        self._inner = inner
        self._settings = settings
        self._clock = clock
        self._observers = tuple(observers)
        self._since = dict.fromkeys(CentreService, clock.now())
        self._circuits = {service: Circuit(settings, random, partial(self._tell, service)) for service in CentreService}

    def circuit(self, service: CentreService) -> tuple[CircuitState, float, str]:
        """State of a service's circuit, Unix seconds since when, and why."""
        circuit = self._circuits[service]
        return circuit.state, self._since[service], circuit.reason

    def may_go(self, service: CentreService) -> bool:
        """Whether a call of a service would be let through now."""
        return self._circuits[service].may_go(self._clock.monotonic())

    def ask(self, call: Call) -> Coroutine[Any, Any, Answer]:
        """Ask, if the circuit is closed or wants a probe.

        Raises:
            CentreUnavailable: The circuit is open; nothing was sent.
            CentreTimeout: The flight's deadline passed.
            GatewayError: What the client says.
        """
        carried = carry(call)
        return self.guard(carried, partial(self._inner.ask, carried))

    async def guard(self, carried: Carriage, go: Callable[[], Awaitable[T]]) -> T:
        """`go`, if the circuit is closed or wants a probe.

        Raises:
            CentreUnavailable: The circuit is open; `go` was not called.
            CentreTimeout: The flight's deadline passed.
            GatewayError: What `go` says.
        """
        circuit = self._circuits[carried.service]
        started = self._clock.monotonic()
        permit = circuit.offer(started)
        if isinstance(permit, Refuse):
            raise CentreUnavailable(executed="no", retry_after=permit.after)
        outcome = Outcome.NEUTRAL
        try:
            answer = await self._send(carried.flight, go, started)
            outcome = Outcome.SUCCESS
        except GatewayError as error:
            outcome = self._outcome(error, self._clock.monotonic() - started)
            raise
        finally:
            now = self._clock.monotonic()
            circuit.done(now, permit, outcome, now - started)
        return answer

    def _outcome(self, error: GatewayError, seconds: float) -> Outcome:
        """What an error says about the centre; its refusals are proof that it is there."""
        if isinstance(error, CentreTimeout):
            return Outcome.SILENCE if seconds >= self._settings.fair else Outcome.NEUTRAL
        if isinstance(error, FAILURES):
            return Outcome.FAILURE
        return Outcome.SUCCESS if isinstance(error, (CentreError, Invalid)) else Outcome.NEUTRAL

    async def _send(self, flight: Flight, go: Callable[[], Awaitable[T]], now: float) -> T:
        """One attempt, ended at the deadline its flight has by then."""
        if flight.deadline <= now:
            raise CentreTimeout(executed="no")
        flight.sent = flight.reached = True
        limit = asyncio.timeout(flight.deadline - now)
        extend = partial(self._extend, flight, limit)
        flight.watch(extend)
        try:
            async with limit:
                return await go()
        except TimeoutError as error:
            raise CentreTimeout from error
        finally:
            flight.unwatch(extend)

    def _extend(self, flight: Flight, limit: asyncio.Timeout, _joined: Asker) -> None:
        """An asker joined: the attempt may take until its deadline, unless it is just being ended."""
        if not limit.expired():
            limit.reschedule(asyncio.get_running_loop().time() + flight.deadline - self._clock.monotonic())

    def _tell(self, service: CentreService, before: CircuitState, after: CircuitState, reason: str) -> None:
        at = self._clock.now()
        self._since[service] = at
        move = CircuitMove(service=service, before=before, after=after, reason=reason, at=at)
        log.warning("centre.circuit.moved", service=service, before=before, after=after, reason=reason)
        for observer in self._observers:
            try:
                observer(move)
            except Exception:
                log.exception("centre.circuit.observer_failed", service=service)
