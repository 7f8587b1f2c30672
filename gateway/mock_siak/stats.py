"""What the mock counts about the calls it met."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import msgspec

_METHODS_KEPT = 100
_EVENTS = "EVENTS"
_WORK_KEPT = 100_000
OTHER = "OTHER"
"""What calls are counted under whose URL names no service, or one too many."""


class Work(msgspec.Struct, frozen=True, gc=False):
    """One call a worker has finished with.

    Attributes:
        nik: Whom it was about; synthetic.
        began: When the worker took it up, monotonic seconds of this machine.
        ended: When it was done.
        heard: Whether the caller was still there to take the answer.
    """

    nik: str
    began: float
    ended: float
    heard: bool


class Stats:
    """Counters since the start or the last reset, and the latest calls that took a worker's time."""

    def __init__(self) -> None:
        self.arrived = 0
        self.served = 0
        self.abandoned = 0
        self.faults: Counter[str] = Counter()
        self._arrived: Counter[str] = Counter()
        self._served: Counter[str] = Counter()
        self.work: deque[Work] = deque(maxlen=_WORK_KEPT)
        self.heard_seconds = self.unheard_seconds = 0.0

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

    def spend(self, work: Work) -> None:
        """Note what a worker's time went into."""
        self.work.append(work)
        if work.heard:
            self.heard_seconds += work.ended - work.began
        else:
            self.unheard_seconds += work.ended - work.began

    def asked(self) -> int:
        """Calls that arrived, but for those that only follow its events: these come by themselves."""
        return self.arrived - self._arrived[_EVENTS]

    def document(self) -> dict[str, Any]:
        """As JSON-ready data."""
        by_method = {name: {"arrived": n, "served": self._served[name]} for name, n in sorted(self._arrived.items())}
        return {
            "arrived": self.arrived,
            "served": self.served,
            "abandoned": self.abandoned,
            "worker_seconds": {"heard": self.heard_seconds, "unheard": self.unheard_seconds},
            "by_method": by_method,
            "faults": dict(sorted(self.faults.items())),
        }
