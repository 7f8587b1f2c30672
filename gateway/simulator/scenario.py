"""What is simulated, as data: a centre, phases of load and strength, villages, and how citizens behave."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.simulator.centre import CentreModel, Mode


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time.

    Attributes:
        name: For the figures.
        seconds: How long.
        load: Questions asked, as a multiple of what the whole centre can answer.
        strength: Share of the workers at work.
        mode: What calls meet at the centre.
        slowness: Factor on every service time.
        judged_after: Seconds after its start from which it is judged.
    """

    name: str
    seconds: float
    load: float
    strength: float = 1.0
    mode: Mode = Mode.SERVE
    slowness: float = 1.0
    judged_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who asks.

    Attributes:
        villages: How many; the first is the hog.
        hog: Share of all questions the hog asks.
        quiet: Villages that ask `quiet_share` of a fair share of the weakest centre.
        quiet_share: See above.
        patience: Seconds a citizen waits for one try.
        repeats: Further tries of a citizen whose try failed.
        pause: Longest pause before a repeat, seconds.
    """

    villages: int = 186
    hog: float = 0.2
    quiet: int = 20
    quiet_share: float = 0.5
    patience: float = 5.0
    repeats: int = 2
    pause: float = 1.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One simulated story.

    Attributes:
        name: For the figures.
        centre: The centre's strength.
        phases: In order.
        crowd: Who asks.
    """

    name: str
    centre: CentreModel = field(default_factory=CentreModel)
    phases: tuple[Phase, ...] = ()
    crowd: Crowd = field(default_factory=Crowd)

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def capacity(self) -> float:
        """Calls a second the whole centre can answer."""
        return self.centre.workers / self.centre.mean

    def starts(self) -> list[tuple[float, Phase]]:
        """Each phase with the second it starts at."""
        found, at = [], 0.0
        for phase in self.phases:
            found.append((at, phase))
            at += phase.seconds
        return found

    def with_centre(self, name: str, **changes: float) -> Scenario:
        """The same story before another centre."""
        return replace(self, name=name, centre=replace(self.centre, **changes))  # type: ignore[arg-type] # names are checked by dataclasses


def story(
    surge: float = 4.0,
    down: Mode = Mode.CUT,
    lengths: tuple[float, float, float] = (20.0, 20.0, 20.0),
    settled: float = 5.0,
) -> tuple[Phase, ...]:
    """Normal, surge, weak, down, back.

    Args:
        surge: Load from the surge on, as a multiple of the whole centre's capacity.
        down: How the centre is away.
        lengths: Seconds of surge, weak and back.
        settled: Seconds after the return from which it is judged.
    """
    crowded, weak, back = lengths
    return (
        Phase("normal", 10.0, 0.5),
        Phase("surge", crowded, surge),
        Phase("weak", weak, surge, strength=0.3),
        Phase("down", 10.0, surge, strength=1.0, mode=down),
        Phase("back", back, surge, judged_after=settled),
    )


LONG = (120.0, 180.0, 60.0)
"""Seconds of surge, weak and back in which each village has at least twenty answers."""

REGENCY = Scenario("regency", phases=story())
"""The scenario every contender is measured with."""


def catalogue() -> dict[str, Scenario]:
    """All prepared stories of one regency, by name."""
    told = {
        "regency": story(),
        "regency-10x": story(10.0),
        "regency-long": story(lengths=LONG),
        "regency-long-10x": story(10.0, lengths=LONG),
        "regency-refuse": story(down=Mode.REFUSE),
        "regency-hang": story(down=Mode.HANG),
        "regency-stall": story(down=Mode.STALL),
    }
    found = {name: replace(REGENCY, name=name, phases=phases) for name, phases in told.items()}
    for name, changes in _CENTRES.items():
        found[name] = REGENCY.with_centre(name, **changes)
    slow = replace(REGENCY.crowd, patience=15.0)
    found["slow-3s"] = replace(REGENCY.with_centre("slow-3s", workers=60, mean=3.0), crowd=slow)
    found["slow-3s-long"] = replace(
        found["slow-3s"], name="slow-3s-long", phases=story(lengths=(240.0, 240.0, 240.0), settled=60.0)
    )
    found["one-worker"] = replace(
        REGENCY.with_centre("one-worker", workers=1, mean=1.0), phases=story(lengths=(80.0, 80.0, 80.0))
    )
    return found


_CENTRES: dict[str, dict[str, float]] = {
    "thrashing": {"thrash": 100.0},
    "few": {"workers": 5, "mean": 0.1},
    "many": {"workers": 200, "mean": 0.05},
    "ragged": {"sigma": 1.0},
    "thousand": {"workers": 1000},
    "constant": {"sigma": 0.0},
}
