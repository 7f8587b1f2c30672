"""Figures taken on a machine that does other things too.

Other work makes what is measured slower, never faster: what is slow by itself is slow every time, and slow beside any
other work of the same kind. So a bound on time is tried a few times, and a bound on cost is a ratio.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SAMPLE = {"request_id": "0190f5a0-1234", "status": 200, "seconds": 0.1, "names": ["a", "b", "c"]}


def quick_once(measure: Callable[[], float], most: float, tries: int = 3) -> float:
    """The first of some measurements that is no more than a bound.

    Args:
        measure: Does it once more; the figure, such as seconds.
        most: The bound.
        tries: How often it may be done.

    Raises:
        AssertionError: All were more; the text holds them.
    """
    seen: list[float] = []
    for _ in range(tries):
        seen.append(measure())
        if seen[-1] <= most:
            return seen[-1]
    raise AssertionError(f"more than {most} each time: {seen}")


def seconds_of(act: Callable[[], object]) -> float:
    """Seconds an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def relative_cost(act: Callable[[], object], rounds: int = 15, each: int = 200) -> float:
    """What an act costs, as a multiple of writing a small JSON document, at its best in some rounds.

    Both are measured in turn, so that a slow or a busy machine slows them alike.
    """

    def many(one: Callable[[], object]) -> float:
        return seconds_of(lambda: [one() for _ in range(each)])

    pairs = [(many(act), many(lambda: json.dumps(_SAMPLE))) for _ in range(rounds)]
    return min(spent for spent, _ in pairs) / min(unit for _, unit in pairs)
