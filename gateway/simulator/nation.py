"""Hundreds of gateways before one centre: each with a limit of its own, or all with shares of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gateway.centre.shares import RENEW, Leased, Shares
from gateway.settings.centre import CentreSettings
from gateway.simulator.centre import Centre
from gateway.simulator.crowd import a_call
from gateway.simulator.gateway import Gateway
from gateway.simulator.result import jain, quantile
from gateway.simulator.world import World, seeded

if TYPE_CHECKING:
    from gateway.simulator.centre import CentreModel
    from gateway.simulator.scenario import Phase


class Way(StrEnum):
    """How the gateways find their limits."""

    ALONE = "alone"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Land:
    """Many gateways.

    Attributes:
        name: For the figures.
        gateways: Regencies, one gateway each.
        villages: In all of them; the larger regencies have more.
        centre: The one centre.
        phases: Load and strength; the load is a multiple of the centre's capacity.
        way: How the gateways find their limits.
        patience: Seconds a citizen waits.
        repeats: Further tries of a citizen whose try failed.
        churn: Seconds between the restarts of two gateways; 0 for none.
    """

    name: str
    gateways: int
    villages: int
    centre: CentreModel
    phases: tuple[Phase, ...]
    way: Way = Way.SHARED
    patience: float = 5.0
    repeats: int = 2
    churn: float = 5.0


@dataclass(frozen=True, slots=True)
class LandFigures:
    """What a phase brought.

    Attributes:
        name: Of the phase.
        asked: Questions.
        answered: Share of them answered.
        useful: Share of the worker-seconds spent on answers somebody still wanted.
        wasted: Share of the calls served that nobody waited for.
        jain: Fairness over the gateways, answers for each village.
        p99: 99 % of good answers took no longer.
    """

    name: str
    asked: int
    answered: float
    useful: float
    wasted: float
    jain: float
    p99: float


@dataclass(frozen=True, slots=True)
class LandResult:
    """Figures of one run.

    Attributes:
        name: Of the land.
        way: How the gateways found their limits.
        gateways: How many.
        seed: Of everything random.
        phases: Figures of each phase.
        calls_per_question: Calls at the centre for each question.
        backlog: Longest backlog at the centre.
        events: Events simulated.
        timeline: For each second: share of worker-seconds useful, and the limit of all together.
    """

    name: str
    way: str
    gateways: int
    seed: int
    phases: tuple[LandFigures, ...]
    calls_per_question: float
    backlog: int
    events: int
    timeline: tuple[tuple[float, float], ...]

    def __getitem__(self, name: str) -> LandFigures:
        """The figures of a phase."""
        return next(phase for phase in self.phases if phase.name == name)


@dataclass(slots=True)
class _Notes:
    asked: int
    answered: int
    given: list[int]
    waits: list[float] = field(default_factory=list)


class _Question:
    """One question of a village."""

    __slots__ = ("_call", "_home", "_land", "_notes", "_since", "_tried")

    def __init__(self, land: NationRun, home: int, village: int, notes: _Notes) -> None:
        self._land = land
        self._home = home
        self._notes = notes
        self._call = a_call(f"{home}.{village}")
        self._tried = 0
        self._since = 0.0

    def ask(self, _about: object = None) -> None:
        """Try (again)."""
        self._tried += 1
        land = self._land
        self._since = land.world.now
        land.gateway(self._home).ask(self._call, self._since + land.land.patience, self)

    def heard(self, *, good: bool, after: float) -> None:
        """The answer, or a reason to try again."""
        del after
        land, notes = self._land, self._notes
        if good:
            notes.answered += 1
            notes.given[self._home] += 1
            notes.waits.append(land.world.now - self._since)
        elif self._tried <= land.land.repeats:
            land.world.at(land.world.now + land.random.random(), self.ask)


class NationRun:
    """One run.

    Args:
        land: What happens.
        seed: Of everything random.
    """

    def __init__(self, land: Land, seed: int) -> None:
        self.land = land
        self.world = World()
        self.random = seeded(seed, "villages")
        self._seed = seed
        self._jitter = seeded(seed, "gateways")
        self._seconds = sum(phase.seconds for phase in land.phases)
        self.centre = Centre(self.world, land.centre, seeded(seed, "centre"), self._seconds + 40.0)
        self._settings = CentreSettings()
        self.shares = Shares(self._settings.limiter, 0.0)
        self._sizes = _sizes(land)
        self._homes = [home for home, size in enumerate(self._sizes) for _ in range(size)]
        self._gateways: list[Gateway | None] = [None] * land.gateways
        self._notes = [_Notes(0, 0, [0] * land.gateways) for _ in land.phases]
        self._limits: list[float] = []
        self._rate = 0.0
        self._until = 0.0
        self._now_in = 0

    def gateway(self, home: int) -> Gateway:
        """A regency's gateway, started when it is first needed."""
        found = self._gateways[home]
        if found is None:
            leased = Leased() if self.land.way is Way.SHARED else None
            found = self._gateways[home] = Gateway(self.world, self.centre, self._jitter, self._settings, leased)
            if leased is not None:
                self._renew((home, found, leased))
        return found

    def result(self) -> LandResult:
        """Let it happen and tell the figures."""
        at = 0.0
        for number, phase in enumerate(self.land.phases):
            self.world.at(at, self._enter, (number, phase))
            at += phase.seconds
        if self.land.churn:
            self.world.at(self.land.churn, self._restart)
        self.world.at(1.0, self._note)
        self.world.run(self._seconds + 20.0)
        self.centre.settle()
        return self._told()

    def _renew(self, about: Any) -> None:
        """A gateway renews its lease, a little before or after the second."""
        home, gateway, leased = about
        if self._gateways[home] is not gateway:
            return
        wanted, gateway.offered = gateway.offered / RENEW, 0
        leased.take(self.shares.lease(self.world.now, str(home), wanted, leased.report()))
        gateway.pump()
        self.world.at(self.world.now + RENEW * self._jitter.uniform(0.9, 1.1), self._renew, about)

    def _restart(self, _about: object) -> None:
        """One gateway goes away without a word; the next question starts it anew."""
        self._gateways[int(self._jitter.random() * self.land.gateways)] = None
        self.world.at(self.world.now + self.land.churn, self._restart)

    def _enter(self, about: Any) -> None:
        number, phase = about
        model = self.land.centre
        self.centre.become(workers=max(1, round(model.workers * phase.strength)), mode=phase.mode)
        self._rate = phase.load * model.workers / model.mean
        self._until = self.world.now + phase.seconds
        self._now_in = number
        self._next()

    def _next(self) -> None:
        when = self.world.now + self.random.expovariate(self._rate)
        if when < self._until:
            self.world.at(when, self._arrive)

    def _arrive(self, _about: object) -> None:
        village = int(self.random.random() * len(self._homes))
        notes = self._notes[self._now_in]
        notes.asked += 1
        _Question(self, self._homes[village], village, notes).ask()
        self._next()

    def _note(self, _about: object) -> None:
        shared = self.land.way is Way.SHARED
        each = (gateway.gate.limit.value for gateway in self._gateways if gateway is not None)
        self._limits.append(self.shares.limit.value if shared else sum(each))
        self.world.at(self.world.now + 1.0, self._note)

    def _told(self) -> LandResult:
        ledger = self.centre.ledger
        useful = [part / whole if whole else 0.0 for part, whole in zip(ledger.useful, ledger.had, strict=True)]
        asked = sum(notes.asked for notes in self._notes)
        return LandResult(
            name=self.land.name,
            way=self.land.way.value,
            gateways=self.land.gateways,
            seed=self._seed,
            phases=tuple(self._figures(number) for number in range(len(self.land.phases))),
            calls_per_question=sum(ledger.calls) / max(1, asked),
            backlog=self.centre.most,
            events=self.world.events,
            timeline=tuple(zip(useful[: int(self._seconds)], self._limits, strict=False)),
        )

    def _figures(self, number: int) -> LandFigures:
        phases, notes, ledger = self.land.phases, self._notes[number], self.centre.ledger
        start = sum(phase.seconds for phase in phases[:number])
        first, last = int(start + phases[number].judged_after), int(start + phases[number].seconds)
        had, calls = sum(ledger.had[first:last]), sum(ledger.calls[first:last])
        return LandFigures(
            name=phases[number].name,
            asked=notes.asked,
            answered=notes.answered / max(1, notes.asked),
            useful=sum(ledger.useful[first:last]) / had if had else 0.0,
            wasted=sum(ledger.unwanted[first:last]) / calls if calls else 0.0,
            jain=jain(notes.given),
            p99=quantile(notes.waits, 0.99),
        )


def _sizes(land: Land) -> list[int]:
    """Villages of each regency."""
    each, more = divmod(land.villages, land.gateways)
    return [each + (home < more) for home in range(land.gateways)]
