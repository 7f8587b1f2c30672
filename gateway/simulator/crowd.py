"""The villages: open-loop questions, citizens who give up after a while, and repeats of what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract.messages import Call, CentreService, Freshness, Priority, Question

if TYPE_CHECKING:
    from random import Random

    from gateway.simulator.gateway import Gateway
    from gateway.simulator.result import Tally
    from gateway.simulator.scenario import Scenario
    from gateway.simulator.world import World


def a_call(village: str, priority: Priority = Priority.COUNTER) -> Call:
    """What a village asks; the NIK is the same for all, since nothing is remembered here."""
    return Call(
        question=Question(service=CentreService.BIODATA, subject="3320010101900001"),
        right="dinas",
        caller=village,
        village=village,
        adapter="native",
        priority=priority,
        deadline=0.0,
        request_id="",
        freshness=Freshness(),
    )


class Citizen:
    """One question until it is answered or given up."""

    __slots__ = ("_crowd", "_tried", "asked", "since", "village")

    def __init__(self, crowd: Villages, village: int, now: float) -> None:
        self._crowd = crowd
        self._tried = 0
        self.village = village
        self.asked = now
        self.since = now

    def ask(self, _about: object = None) -> None:
        """Try (again)."""
        self._tried += 1
        self.since = self._crowd.world.now
        self._crowd.send(self)

    def heard(self, *, good: bool, after: float) -> None:
        """The answer, or a reason to try again."""
        crowd = self._crowd
        crowd.tally.heard(self, crowd.world.now, good=good, after=after)
        if not good and self._tried <= crowd.who.repeats:
            pause = crowd.random.random() * crowd.who.pause
            crowd.world.at(crowd.world.now + pause, self.ask)


class Villages:
    """All villages of one gateway.

    Args:
        world: Time.
        gateway: Whom they ask.
        scenario: Load and behaviour.
        tally: What is written down.
        random: Source of arrivals.
    """

    def __init__(self, world: World, gateway: Gateway, scenario: Scenario, tally: Tally, random: Random) -> None:
        self.world = world
        self.who = scenario.crowd
        self.tally = tally
        self.random = random
        self._gateway = gateway
        self._scenario = scenario
        self._calls = [a_call(f"v{number}") for number in range(self.who.villages)]
        self._rate = 0.0
        self._until = 0.0
        self._quiet_share = 0.0
        for start, phase in scenario.starts():
            world.at(start, self._enter, (start, phase))

    def send(self, citizen: Citizen) -> None:
        """One try of a citizen."""
        self._gateway.ask(self._calls[citizen.village], self.world.now + self.who.patience, citizen)

    def _enter(self, about: tuple[float, object]) -> None:
        """A phase begins: quiet villages go on as before, the others take what is left of the load."""
        start, phase = about
        who, scenario = self.who, self._scenario
        self._rate = phase.load * scenario.capacity  # type: ignore[attr-defined] # a Phase; the world is untyped
        weakest = min(each.strength for each in scenario.phases) * scenario.capacity
        quiet = who.quiet * who.quiet_share * weakest / who.villages
        self._quiet_share = min(quiet, self._rate) / self._rate
        self._until = start + phase.seconds  # type: ignore[attr-defined] # see above
        self._next()

    def _next(self) -> None:
        when = self.world.now + self.random.expovariate(self._rate)
        if when < self._until:
            self.world.at(when, self._arrive)

    def _arrive(self, _about: object) -> None:
        citizen = Citizen(self, self._whose(), self.world.now)
        self.tally.asked(citizen)
        citizen.ask()
        self._next()

    def _whose(self) -> int:
        """The hog is village 0, the quiet ones come after it."""
        who, draw = self.who, self.random.random()
        if draw < who.hog:
            return 0
        if draw < who.hog + self._quiet_share:
            return 1 + int((draw - who.hog) / self._quiet_share * who.quiet)
        first = 1 + who.quiet
        return first + int(self.random.random() * (who.villages - first))
