"""What the gateway is to reach, beside what one run measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bench.overload.measures import ENOUGH_ANSWERS
from bench.overload.scenario import DOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.overload.measures import Figures, Measured

OURS = "gateway"
BEHIND = 0.02
"""How much a peer's goodput may be above ours in a phase."""


class Goal(msgspec.Struct, frozen=True):
    """One thing wanted.

    Attributes:
        what: In words.
        measured: The figure.
        bound: What it is to be compared with.
        at_most: Whether the figure is to be at most the bound; else at least.
    """

    what: str
    measured: float
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound

    def cells(self) -> list[str]:
        """As cells of a table."""
        sign = "≤" if self.at_most else "≥"
        return [self.what, f"{self.measured:.3f}", f"{sign} {self.bound:g}", "yes" if self.met else "NO"]


def goals(measured: Sequence[Measured]) -> list[Goal]:
    """The goals a run can judge; none if the gateway was not in it."""
    ours = next((one for one in measured if one.contender == OURS), None)
    if ours is None:
        return []
    peers = [one for one in measured if one is not ours]
    found = [goal for phase in ours.phases for goal in _of_phase(phase, peers)]
    return [
        *found,
        Goal("whole run: calls served that nobody waited for", ours.waste, 0.01, at_most=True),
        Goal("whole run: calls per person asked about", ours.amplification, 1.1, at_most=True),
    ]


def _of_phase(phase: Figures, peers: Iterable[Measured]) -> Iterator[Goal]:
    name = phase.phase
    if name == "normal" and phase.answered is not None:
        yield Goal("normal: questions answered", phase.answered, 1.0)
    if name in {"surge", "weak", "back"} and phase.useful is not None:
        yield Goal(f"{name}: useful work", phase.useful, 0.97)
    best = _best_goodput(name, peers)
    if best is not None and phase.goodput is not None:
        yield Goal(f"{name}: goodput less the best peer's", phase.goodput - best, -BEHIND)
    if name in {"surge", "weak"} and phase.jain is not None and phase.per_village >= ENOUGH_ANSWERS:
        yield Goal(f"{name}: Jain over the villages other than the hog", phase.jain, 0.95)
    if name != DOWN and phase.quiet is not None:
        yield Goal(f"{name}: quiet villages answered", phase.quiet, 0.99)
    if name == "surge" and phase.good_p99 is not None:
        yield Goal("surge: p99 of good answers, s", phase.good_p99, 2.5, at_most=True)
    if name == DOWN:
        yield from _of_outage(phase)


def _of_outage(phase: Figures) -> Iterator[Goal]:
    if phase.known is not None:
        yield Goal("down: questions answered that had been answered before", phase.known, 1.0)
    if phase.refused_p50 is not None and phase.refused_p99 is not None:
        yield Goal("down: p50 of refusals, s", phase.refused_p50, 0.05, at_most=True)
        yield Goal("down: p99 of refusals, s", phase.refused_p99, 0.05, at_most=True)


def _best_goodput(name: str, peers: Iterable[Measured]) -> float | None:
    figures = [phase.goodput for one in peers for phase in one.phases if phase.phase == name]
    return max((value for value in figures if value is not None), default=None)
