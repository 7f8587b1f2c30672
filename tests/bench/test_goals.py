"""What the gateway is to reach is judged as the scenario states it."""

from __future__ import annotations

from msgspec.structs import replace

from bench.overload.goals import Goal, goals
from bench.overload.measures import Figures, Measured

GOOD = Figures(
    phase="surge",
    asked=100,
    answered=1.0,
    goodput=1.0,
    useful=0.98,
    waste=0.0,
    jain=0.96,
    per_village=30.0,
    quiet=1.0,
    known=1.0,
    good_p50=0.3,
    good_p99=1.0,
    refused_p50=0.01,
    refused_p99=0.04,
    calls=0.5,
)


def measured(contender: str, surge: Figures = GOOD) -> Measured:
    """A run whose phases are all alike, but for the surge."""
    phases = [replace(GOOD, phase=name) for name in ("normal", "weak", "down", "back")]
    return Measured(contender, [*phases, surge], [], [], 1.0, 0.0, {})


def failed(ours: Figures, peer: Figures = GOOD) -> list[str]:
    """Which goals are not met."""
    return [goal.what for goal in goals([measured("gateway", ours), measured("nginx", peer)]) if not goal.met]


def test_a_run_that_meets_everything() -> None:
    """All goals are judged, and met; without the gateway there is nothing to judge."""
    assert failed(GOOD) == []
    assert len(goals([measured("gateway"), measured("nginx")])) == 21
    assert goals([measured("nginx")]) == []


def test_each_figure_can_fail() -> None:
    """A figure beyond its bound fails its goal and no other."""
    assert failed(replace(GOOD, useful=0.96)) == ["surge: useful work"]
    assert failed(replace(GOOD, jain=0.94)) == ["surge: Jain over the villages other than the hog"]
    assert failed(replace(GOOD, quiet=0.98)) == ["surge: quiet villages answered"]
    assert failed(replace(GOOD, good_p99=2.6)) == ["surge: p99 of good answers, s"]
    assert failed(GOOD, replace(GOOD, goodput=1.03)) == ["surge: goodput less the best peer's"]


def test_fairness_is_not_judged_on_a_few_answers() -> None:
    """With fewer than twenty answers per village chance decides, so that nothing is said."""
    assert failed(replace(GOOD, jain=0.5, per_village=19.9)) == []


def test_cells() -> None:
    """A row names the figure, the bound and whether it was met."""
    assert Goal("x", 0.5, 0.4, at_most=True).cells() == ["x", "0.500", "≤ 0.4", "NO"]
    assert Goal("x", 0.5, 0.4).cells() == ["x", "0.500", "≥ 0.4", "yes"]
