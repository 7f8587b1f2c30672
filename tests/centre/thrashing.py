"""A centre of finite capacity in virtual time, and askers who give up: the world the gate is judged in."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from gateway.centre.gate import Gate
from gateway.centre.in_flight import Passage
from gateway.centre.link import Flight
from gateway.centre.verdict import Admit, Refuse
from gateway.contract.messages import CentreService
from tests.centre.stage import a_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.contract.messages import Call
    from gateway.settings.centre import LimiterSettings


class Job(Passage):
    """A passage that remembers its call and whether its asker has given up at the centre."""

    __slots__ = ("call", "over")

    def __init__(self, call: Call) -> None:
        super().__init__(Flight(call), CentreService.BIODATA)
        self.call = call
        self.over = False


@dataclass
class Thrashing:
    """Workers over one FIFO backlog that also serve abandoned calls, slower the longer the backlog.

    Attributes:
        workers: Calls served at once.
        mean: Seconds a call takes with an empty backlog; capacity is workers / mean.
        thrash: Backlog at which everything takes twice as long.
    """

    workers: int = 20
    mean: float = 0.2
    sigma: float = 0.3
    thrash: float = 100.0
    busy: int = 0
    backlog: deque[Job] = field(default_factory=deque)


class World:
    """Runs a gate against a centre.

    Args:
        settings: Of the limiter.
        seed: Of everything random.
    """

    def __init__(self, settings: LimiterSettings, seed: int = 1, centre: Thrashing | None = None) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.centre = centre or Thrashing()
        self.gate: Gate[Job] = Gate(settings, Random(seed + 1), 0.0)
        self.events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.count = 0
        self.good: list[tuple[float, Job]] = []
        self.refused: Counter[str] = Counter()
        self.woken = 0.0

    def at(self, when: float, act: Callable[..., None], *values: Any) -> None:
        """Have something happen later."""
        self.count += 1
        heapq.heappush(self.events, (when, self.count, act, values))

    def arrivals(self, rate: float, start: float, end: float, **who: Any) -> None:
        """Poisson arrivals of one kind of asker, ten seconds of patience each."""
        for when in self._poisson(rate, start, end):
            self.at(when, self.arrive, a_call(deadline=when + 10.0, **who))

    def run(self, until: float) -> None:
        """Let time pass."""
        while self.events and self.events[0][0] <= until:
            self.now, _, act, values = heapq.heappop(self.events)
            act(*values)
        self.now = until

    def arrive(self, call: Call) -> None:
        """An asker comes to the gate."""
        job = Job(call)
        verdict = self.gate.offer(self.now, job, call)
        if isinstance(verdict, Admit):
            self.send(job)
        elif isinstance(verdict, Refuse):
            self.refused[verdict.reason] += 1
        else:
            self.at(call.deadline, self.give_up, job)
            self._wake()

    def give_up(self, job: Job) -> None:
        """A waiting asker's deadline passed."""
        if job.waiting:
            self.gate.abandon(job)
            self.refused["waited"] += 1

    def send(self, job: Job) -> None:
        """A call reaches the centre."""
        self.at(job.call.deadline, self.time_out, job)
        if self.centre.busy < self.centre.workers:
            self._serve(job)
        else:
            self.centre.backlog.append(job)

    def time_out(self, job: Job) -> None:
        """The asker gives up; the centre goes on with the call all the same."""
        if not job.over:
            job.over = True
            self.refused["timeout"] += 1
            self._end(job, answered=False)

    def _serve(self, job: Job) -> None:
        centre = self.centre
        centre.busy += 1
        slow = 1.0 + len(centre.backlog) / centre.thrash
        mu = -(centre.sigma**2) / 2.0
        self.at(self.now + centre.mean * slow * self.random.lognormvariate(mu, centre.sigma), self._served, job)

    def _served(self, job: Job) -> None:
        self.centre.busy -= 1
        if self.centre.backlog:
            self._serve(self.centre.backlog.popleft())
        if not job.over:
            job.over = True
            self.good.append((self.now, job))
            self._end(job, answered=True)

    def _end(self, job: Job, *, answered: bool) -> None:
        self.gate.done(self.now, job, seconds=self.now - job.started, answered=answered)
        self._next()

    def _next(self) -> None:
        for job, verdict in self.gate.next(self.now):
            if isinstance(verdict, Admit):
                self.send(job)
            else:
                self.refused[verdict.reason] += 1
        self._wake()

    def _wake(self) -> None:
        due = self.gate.wake_at()
        if due is not None and self.woken <= self.now:
            self.woken = max(due, self.now + 0.001)
            self.at(self.woken, self._next)

    def _poisson(self, rate: float, start: float, end: float) -> Iterator[float]:
        when = start + self.random.expovariate(rate)
        while when < end:
            yield when
            when += self.random.expovariate(rate)

    def answered(self, start: float, end: float, **having: Any) -> int:
        """Good answers in a span, of calls with these values."""
        return sum(
            start <= when < end and all(getattr(job.call, name) == value for name, value in having.items())
            for when, job in self.good
        )
