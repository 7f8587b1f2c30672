"""One gateway, its villages, and one centre."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.simulator.centre import Centre
from gateway.simulator.crowd import Villages
from gateway.simulator.gateway import Gateway
from gateway.simulator.result import Result, Tally, figures
from gateway.simulator.world import World, seeded

if TYPE_CHECKING:
    from gateway.settings.centre import CentreSettings
    from gateway.simulator.scenario import Scenario

AFTER = 30.0
"""Seconds after the last phase in which what is under way ends."""


class Run:
    """One run of a scenario; kept together so that tests can look inside.

    Args:
        scenario: What happens.
        seed: Of everything random.
        settings: Of the gateway; None for the config's defaults.
    """

    def __init__(self, scenario: Scenario, seed: int, settings: CentreSettings | None = None) -> None:
        self.scenario = scenario
        self.seed = seed
        self.world = World()
        until = scenario.seconds + AFTER
        self.centre = Centre(self.world, scenario.centre, seeded(seed, "centre"), until)
        self.gateway = Gateway(self.world, self.centre, seeded(seed, "gateway"), settings)
        self.tally = Tally(scenario)
        self.limits: list[float] = []
        for start, phase in scenario.starts():
            self.world.at(start, self._become, phase)
        Villages(self.world, self.gateway, scenario, self.tally, seeded(seed, "villages"))
        for second in range(1, int(scenario.seconds) + 1):
            self.world.at(float(second), self._note)

    def result(self) -> Result:
        """Let it happen and tell the figures."""
        self.world.run(self.scenario.seconds + AFTER - 1.0)
        self.centre.settle()
        ledger = self.centre.ledger
        calls = sum(ledger.calls)
        useful = [part / whole if whole else 0.0 for part, whole in zip(ledger.useful, ledger.had, strict=True)]
        return Result(
            scenario=self.scenario.name,
            seed=self.seed,
            phases=figures(self.scenario, self.tally, self.centre),
            calls_per_question=calls / max(1, self.tally.questions),
            wasted=sum(ledger.unwanted) / max(1, calls),
            events=self.world.events,
            moves=tuple(self.gateway.moves),
            timeline=tuple(zip(useful, self.limits, strict=False)),
        )

    def _become(self, phase: Any) -> None:
        workers = max(1, round(self.scenario.centre.workers * phase.strength))
        self.centre.become(workers=workers, mode=phase.mode, slowness=phase.slowness)

    def _note(self, _about: object) -> None:
        self.limits.append(self.gateway.gate.limit.value)


def run(scenario: Scenario, seed: int, settings: CentreSettings | None = None) -> Result:
    """One run of a scenario."""
    return Run(scenario, seed, settings).result()
