"""Wrong passwords, bounded: who guesses at a program's password is soon refused without being compared.

```
wrong ─► one try fewer of TRIES, for this program from this address ─► none left ─► `Login Gagal`, right or wrong
                                              every REST seconds one try comes back
```
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

TRIES: Final = 20
"""Wrong passwords until rest makes them good, whatever right ones lie between; a program's own mistake, sent by several
workers at once, must not shut it out.
"""

REST: Final = 30.0
"""Seconds until one more may be tried."""

KEPT: Final = 4096
"""Pairs of program and address remembered at most; the ones longest at rest go first."""


class Guesses:
    """Tries left, by program and address; who made no mistake is not remembered.

    Attributes:
        any: Whether anybody ever made one.
    """

    def __init__(self) -> None:
        self.any = False
        self._known: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def may(self, client: str, peer: str, now: float) -> bool:
        """Whether one more password may be compared, at monotonic seconds `now`."""
        return self._left(client, peer, now) >= 1.0

    def failed(self, client: str, peer: str, now: float) -> bool:
        """Count a wrong password; true where it was the last that was compared for a while."""
        self.any = True
        left = self._left(client, peer, now) - 1.0
        self._known[client, peer] = left, now
        self._known.move_to_end((client, peer))
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return left < 1.0

    def _left(self, client: str, peer: str, now: float) -> float:
        known = self._known.get((client, peer))
        return float(TRIES) if known is None else min(float(TRIES), known[0] + (now - known[1]) / REST)
