"""The scenario: a fragile centre, the phases it goes through, and who asks it how often.

```
normal (half of capacity) ─► surge (4×) ─► weak (30 % of the workers) ─► down (no way there) ─► back
```

The load of the surge goes on to the end. Villages are numbered from 0; village 0 is the hog, which sends a fifth of
everything; the last ones may be quiet: they ask half of what an equal share of the *weak* centre would give them.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

DOWN = "down"
HOG = 0
SETTLED = 5.0
"""Seconds after the centre's return from which *back* is judged."""


class Phase(msgspec.Struct, frozen=True):
    """One stretch of the scenario.

    Attributes:
        name: Its name; `down` means that connects to the centre time out.
        seconds: How long it lasts.
        load: Questions a second, as a multiple of the whole centre's capacity.
        workers: Share of the centre's workers that are at work.
        settle: Seconds at its start that its figures leave out.
    """

    name: str
    seconds: float
    load: float
    workers: float = 1.0
    settle: float = 0.0


class Scenario(msgspec.Struct, frozen=True):
    """Everything a run depends on; the same for every contender.

    Attributes:
        name: Name of the variant.
        phases: In order.
        workers: Calls the whole centre serves at once.
        mean_seconds: Mean service time; lognormal.
        sigma: Its spread.
        villages: How many ask.
        hog: Share of all questions that village 0 sends.
        quiet: How many villages, the last ones, ask less than their share.
        repeats: Share of questions about somebody who was asked about in the first phase.
        deadline: Seconds a citizen waits for one try.
        tries: Tries per question, the first included.
        pause: Mean seconds between a failed try and the next (uniform from half to one and a half of it).
        seed: Of arrivals, villages and pauses.
    """

    name: str
    phases: tuple[Phase, ...]
    workers: int = 20
    mean_seconds: float = 0.25
    sigma: float = 0.5
    villages: int = 186
    hog: float = 0.2
    quiet: int = 0
    repeats: float = 0.0
    deadline: float = 5.0
    tries: int = 3
    pause: float = 1.0
    seed: int = 1

    @property
    def capacity(self) -> float:
        """Calls a second the whole centre can serve."""
        return self.workers / self.mean_seconds

    @property
    def seconds(self) -> float:
        """Length of all phases."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def quiet_rate(self) -> float:
        """Questions a second of one quiet village: half an equal share of the centre at its weakest."""
        weakest = min(phase.workers for phase in self.phases)
        return 0.5 * weakest * self.capacity / self.villages

    def starts(self) -> tuple[float, ...]:
        """When each phase begins, seconds from the start of the run."""
        return tuple(sum(before.seconds for before in self.phases[:place]) for place in range(len(self.phases)))

    def behaviour(self) -> dict[str, object]:
        """The mock centre's behaviour through all phases, as its control port takes it."""
        schedule: list[dict[str, object]] = [
            {
                "at": start,
                "mode": "down" if phase.name == DOWN else "up",
                "workers": max(1, round(phase.workers * self.workers)),
            }
            for start, phase in zip(self.starts(), self.phases, strict=True)
        ]
        return {
            "workers": self.workers,
            "mean_seconds": self.mean_seconds,
            "sigma": self.sigma,
            "thrashing": 0.0,
            "schedule": schedule,
        }


def _phases(surge: float, lengths: tuple[float, float, float, float, float]) -> tuple[Phase, ...]:
    normal, crowded, weak, down, back = lengths
    return (
        Phase("normal", normal, 0.5),
        Phase("surge", crowded, surge),
        Phase("weak", weak, surge, workers=0.3),
        Phase(DOWN, down, surge),
        Phase("back", back, surge, settle=SETTLED),
    )


_USUAL = (10.0, 20.0, 20.0, 10.0, 20.0)
_LONG = (10.0, 120.0, 180.0, 10.0, 30.0)
_SHORT = (3.0, 7.0, 6.0, 2.0, 8.0)

VARIANTS = {
    scenario.name: scenario
    for scenario in (
        Scenario("base", _phases(4, _USUAL)),
        Scenario("repeat", _phases(4, _USUAL), repeats=0.4),
        Scenario("x10", _phases(10, _USUAL)),
        Scenario("quiet", _phases(4, _USUAL), quiet=20),
        Scenario("long", _phases(4, _LONG), quiet=20),
    )
}
"""By name; `long` has a surge of two minutes, a weak phase of three (so that each village has at least twenty
answers in both) and twenty quiet villages."""


def short(scenario: Scenario) -> Scenario:
    """The same in 26 seconds, with so few villages that each still has enough answers to judge fairness."""
    surge = max(phase.load for phase in scenario.phases)
    return replace(
        scenario,
        name=f"{scenario.name}-short",
        phases=_phases(surge, _SHORT),
        villages=24,
        quiet=min(scenario.quiet, 4),
    )
