"""The model gateway: the real policies, in the order of the real chain, driven by the world's time."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from gateway.centre.allowance_book import AllowanceBook
from gateway.centre.breaker import Circuit, Outcome
from gateway.centre.gate import Gate
from gateway.centre.in_flight import Passage
from gateway.centre.link import Flight
from gateway.centre.retry import RetryPolicy
from gateway.centre.verdict import ADMIT, Admit, Refuse
from gateway.contract.errors import CentreTimeout, CentreUnreachable
from gateway.contract.messages import CentreService, Right
from gateway.settings.centre import CentreSettings

if TYPE_CHECKING:
    from random import Random

    from gateway.centre.allowance_book import Spent
    from gateway.centre.breaker import Permit
    from gateway.centre.shares import Leased
    from gateway.centre.verdict import Wait
    from gateway.contract.errors import GatewayError
    from gateway.contract.messages import Call
    from gateway.simulator.centre import Centre
    from gateway.simulator.world import World

RIGHT = Right(
    name="dinas",
    title="Dinas",
    services=frozenset(CentreService),
    fields=frozenset(),
    purposes=frozenset(),
    daily_allowance=None,
)
"""The one right of a model gateway, without a daily allowance."""

ZONE = ZoneInfo("Asia/Jakarta")
"""Of the allowance's day."""

MIDMORNING = 1_800_000_000.0
"""Unix seconds at the start of a run: 15:00 in Jakarta."""


class Asker(Protocol):
    """Who put a question to the gateway."""

    def heard(self, *, good: bool, after: float) -> None:
        """The answer, or a refusal with the seconds after which to come back."""


class Attempt(Passage):
    """One try of a question: at the gate, at the circuit, and at the centre.

    Attributes:
        call: Whose it is.
        asker: Who is told.
        tried: Tries so far, this one included.
        wanted: Whether somebody still waits for it.
        began: When a worker took it.
        seconds: Its service time without thrashing.
    """

    __slots__ = ("asker", "began", "call", "over", "permit", "seconds", "spent", "tried", "wanted")

    def __init__(self, flight: Flight, call: Call, asker: Asker, tried: int) -> None:
        super().__init__(flight, call.question.service)
        self.call = call
        self.asker = asker
        self.tried = tried
        self.wanted = True
        self.over = False
        self.began = 0.0
        self.seconds = 0.0
        self.permit: Permit | None = None
        self.spent: Spent | None = None


class Gateway:
    """One gateway.

    Args:
        world: Time.
        centre: The far end.
        random: Source of jitter.
        settings: The config's defaults, unless something else is asked.
        limit: A share leased from a coordinator; None for a limit of its own.
    """

    def __init__(
        self,
        world: World,
        centre: Centre,
        random: Random,
        settings: CentreSettings | None = None,
        limit: Leased | None = None,
    ) -> None:
        settings = settings or CentreSettings()
        self._world = world
        self._centre = centre
        self._settings = settings
        self.gate: Gate[Attempt] = Gate(settings.limiter, random, world.now, limit)
        self.moves: list[tuple[float, str]] = []
        self.circuit = Circuit(settings.breaker, random, self._moved)
        self._retry = RetryPolicy(settings.retry, random)
        self._book = AllowanceBook({RIGHT.name: RIGHT}, settings.allowance, zone=ZONE, random=random)
        self.offered = 0
        self._woken = inf
        self._pumping = False
        self._again = False

    def ask(self, call: Call, deadline: float, asker: Asker) -> None:
        """A question that has to be answered until `deadline`."""
        self._retry.began()
        self.offered += 1
        flight = Flight(call)
        flight.deadline = deadline
        self._try(Attempt(flight, call, asker, 1))

    def pump(self) -> None:
        """Hand free places to those whose turn it is."""
        self._again = True
        if self._pumping:
            return
        self._pumping = True
        while self._again:
            self._again = False
            for attempt, verdict in self.gate.next(self._world.now):
                if isinstance(verdict, Admit):
                    self._send(attempt)
                else:
                    self._turned_away(attempt, verdict)
        self._pumping = False
        self._arm()

    def answered(self, work: Any) -> None:
        """The centre answered."""
        if work.over:
            return
        work.over = True
        now = self._world.now
        self.circuit.done(now, work.permit, Outcome.SUCCESS, now - work.started)
        self.gate.done(now, work, seconds=now - work.started)
        self._book.settle(work.spent, sent=True)
        work.asker.heard(good=True, after=0.0)
        self.pump()

    def refused(self, work: Any) -> None:
        """The centre cannot be reached."""
        if work.over:
            return
        work.over = True
        now = self._world.now
        self.circuit.done(now, work.permit, Outcome.FAILURE, now - work.started)
        self.gate.done(now, work, seconds=None)
        self._book.settle(work.spent, sent=False)
        self._failed(work, CentreUnreachable())
        self.pump()

    def _try(self, attempt: Attempt) -> None:
        now = self._world.now
        verdict: Admit | Wait | Refuse = self._book.offer(MIDMORNING + now, RIGHT.name, attempt.service)
        if isinstance(verdict, Refuse):
            attempt.asker.heard(good=False, after=verdict.after)
            return
        attempt.spent = self._book.spend(MIDMORNING + now, RIGHT.name, attempt.service)
        verdict = self.gate.offer(now, attempt, attempt.call)
        if verdict is ADMIT:
            self._send(attempt)
        elif isinstance(verdict, Refuse):
            self._turned_away(attempt, verdict)
        self._arm()

    def _send(self, attempt: Attempt) -> None:
        now = self._world.now
        permit = self.circuit.offer(now)
        if isinstance(permit, Refuse):
            self.gate.done(now, attempt, seconds=None)
            self._turned_away(attempt, permit)
            self.pump()
            return
        attempt.permit = permit
        self._world.at(attempt.flight.deadline, self._timed_out, attempt)
        self._centre.ask(attempt, self)

    def _timed_out(self, work: Attempt) -> None:
        """Nobody waits any more; the centre goes on with it all the same."""
        if work.over or work.permit is None or work.spent is None:
            return
        work.over = True
        work.wanted = False
        now = self._world.now
        seconds = now - work.started
        fair = seconds >= self._settings.breaker.fair
        self.circuit.done(now, work.permit, Outcome.SILENCE if fair else Outcome.NEUTRAL, seconds)
        told = seconds if seconds >= self._settings.limiter.objective else None
        self.gate.done(now, work, seconds=told, answered=False)
        self._book.settle(work.spent, sent=True)
        self._failed(work, CentreTimeout())
        self.pump()

    def _turned_away(self, attempt: Attempt, verdict: Refuse) -> None:
        if attempt.spent is not None:
            self._book.settle(attempt.spent, sent=False)
        attempt.asker.heard(good=False, after=verdict.after)

    def _failed(self, attempt: Attempt, error: GatewayError) -> None:
        """Try again, if the policy says so."""
        deadline = attempt.flight.deadline
        verdict = self._retry.offer(self._world.now, tried=attempt.tried, error=error, deadline=deadline)
        if isinstance(verdict, Refuse):
            attempt.asker.heard(good=False, after=0.0)
            return
        again = Attempt(attempt.flight, attempt.call, attempt.asker, attempt.tried + 1)
        self._world.at(self._world.now + verdict.after, self._try, again)

    def _arm(self) -> None:
        due = self.gate.wake_at()
        if due is not None and due < self._woken:
            self._woken = max(due, self._world.now + 0.001)
            self._world.at(self._woken, self._wake)

    def _wake(self, _about: object) -> None:
        if self._woken <= self._world.now:
            self._woken = inf
            self.pump()

    def _moved(self, _before: object, after: object, reason: str) -> None:
        self.moves.append((self._world.now, f"{after}: {reason}"))
