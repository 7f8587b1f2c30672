"""What the mock counts about the calls it met."""

from __future__ import annotations

from collections import Counter
from typing import Any

_METHODS_KEPT = 100
OTHER = "OTHER"
"""What calls are counted under whose URL names no service, or one too many."""


class Stats:
    """Counters since the start or the last reset."""

    def __init__(self) -> None:
        self.arrived = 0
        self.served = 0
        self.abandoned = 0
        self.faults: Counter[str] = Counter()
        self._arrived: Counter[str] = Counter()
        self._served: Counter[str] = Counter()

    def arrive(self, method: str) -> str:
        """Count a call; returns the name it is counted under (junk names share one)."""
        name = method.upper()
        if name not in self._arrived and len(self._arrived) >= _METHODS_KEPT:
            name = OTHER
        self.arrived += 1
        self._arrived[name] += 1
        return name

    def serve(self, name: str) -> None:
        """Count a call whose work is done, whether or not its caller is still there."""
        self.served += 1
        self._served[name] += 1

    def document(self) -> dict[str, Any]:
        """As JSON-ready data."""
        by_method = {name: {"arrived": n, "served": self._served[name]} for name, n in sorted(self._arrived.items())}
        return {
            "arrived": self.arrived,
            "served": self.served,
            "abandoned": self.abandoned,
            "by_method": by_method,
            "faults": dict(sorted(self.faults.items())),
        }
