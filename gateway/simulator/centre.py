"""The model of the centre: workers over one first-in-first-out backlog, which also serve calls nobody waits for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from math import log
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from random import Random

    from gateway.simulator.world import World


CONNECT = 2.0
"""Seconds until a connect that meets nobody is given up."""


class Mode(StrEnum):
    """What a call meets at the centre: work · a closed port · a way that is cut · silence · work put off."""

    SERVE = "serve"
    REFUSE = "refuse"
    CUT = "cut"
    HANG = "hang"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class CentreModel:
    """A centre's strength; what it can do is `workers / mean` calls a second.

    Attributes:
        workers: Calls served at once.
        mean: Mean service time, seconds.
        sigma: Of the lognormal service time; 0 for constant.
        thrash: Backlog at which everything takes twice as long; 0 for never.
        travel: Seconds a call needs to the centre and back.
    """

    workers: int = 20
    mean: float = 0.25
    sigma: float = 0.5
    thrash: float = 0.0
    travel: float = 0.004


class Work(Protocol):
    """A call as the centre sees it."""

    wanted: bool
    began: float
    seconds: float


class Customer(Protocol):
    """Who is told of the end of a call."""

    def answered(self, work: Work) -> None:
        """The centre answered."""

    def refused(self, work: Work) -> None:
        """The centre cannot be reached."""


class Ledger:
    """Worker-seconds in steps of a second: had, spent on wanted answers, spent for nobody.

    Seconds are counted as the service would take without thrashing, so that slowness by overload shows as a loss.
    """

    def __init__(self, until: float) -> None:
        size = int(until) + 2
        self.had = [0.0] * size
        self.useful = [0.0] * size
        self.wasted = [0.0] * size
        self.calls = [0] * size
        self.unwanted = [0] * size

    def add(self, where: list[float], start: float, end: float, share: float = 1.0) -> None:
        """Spread `share` of the time from start to end over the steps it touches."""
        first, last = int(start), int(end)
        if last >= len(where) - 1:
            last = len(where) - 1
            end = min(end, float(last))
        if first >= last:
            if first < len(where):
                where[first] += (end - start) * share
            return
        where[first] += (first + 1 - start) * share
        for step in range(first + 1, last):
            where[step] += share
        where[last] += (end - last) * share


class Centre:
    """Serves calls in the order they come.

    Args:
        world: Time.
        model: Its strength.
        random: Source of service times.
        until: Seconds the run lasts.
    """

    def __init__(self, world: World, model: CentreModel, random: Random, until: float) -> None:
        self._world = world
        self._model = model
        self._mu = log(model.mean) - model.sigma**2 / 2.0
        self._normal = random.gauss
        self._lognormal = random.lognormvariate
        self.workers = model.workers
        self.slowness = 1.0
        self.mode = Mode.SERVE
        self.backlog: deque[tuple[Work, Customer]] = deque()
        self.busy = 0
        self.most = 0
        self.ledger = Ledger(until)
        self._since = 0.0

    def become(self, *, workers: int, mode: Mode, slowness: float = 1.0) -> None:
        """Go on with another strength; calls being served are finished, hanging ones are lost."""
        self._account()
        self.workers = workers
        self.mode = mode
        self.slowness = slowness
        if mode is Mode.HANG or mode is Mode.CUT:
            self.backlog.clear()
        self._start()

    def ask(self, work: Work, customer: Customer) -> None:
        """A call comes in."""
        self.ledger.calls[int(self._world.now)] += 1
        if self.mode is Mode.SERVE or self.mode is Mode.STALL:
            self.backlog.append((work, customer))
            self.most = max(self.most, len(self.backlog))
            self._start()
        elif self.mode is Mode.REFUSE:
            self._world.at(self._world.now + self._model.travel, customer.refused, work)
        elif self.mode is Mode.CUT:
            self._world.at(self._world.now + CONNECT, customer.refused, work)

    def settle(self) -> None:
        """Close the books at the end of a run."""
        self._account()

    def _start(self) -> None:
        if self.mode is not Mode.SERVE:
            return
        while self.backlog and self.busy < self.workers:
            work, customer = self.backlog.popleft()
            if self.busy >= self.workers:
                self._account()
            self.busy += 1
            work.began = self._world.now
            seconds = work.seconds = self._lognormal(self._mu, self._model.sigma) * self.slowness
            if self._model.thrash:
                seconds *= 1.0 + len(self.backlog) / self._model.thrash
            self._world.at(self._world.now + seconds, self._finish, (work, customer))

    def _finish(self, served: tuple[Work, Customer]) -> None:
        work, customer = served
        now = self._world.now
        if self.busy > self.workers:
            self._account()
        self.busy -= 1
        if self.mode is Mode.HANG or self.mode is Mode.CUT:
            return
        ledger = self.ledger
        taken = now - work.began
        share = work.seconds / taken if taken > 0.0 else 1.0
        if work.wanted:
            ledger.add(ledger.useful, work.began, now, share)
            self._world.at(now + self._model.travel, customer.answered, work)
        else:
            ledger.add(ledger.wasted, work.began, now, share)
            ledger.unwanted[int(now)] += 1
        self._start()

    def _account(self) -> None:
        """Worker-seconds had since the last change; workers that leave finish what they hold."""
        now = self._world.now
        if now > self._since:
            had = float(max(self.workers, self.busy)) if self.mode is not Mode.REFUSE else float(self.workers)
            self.ledger.add(self.ledger.had, self._since, now, had)
            self._since = now
