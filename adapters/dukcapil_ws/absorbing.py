"""Questions the centre refused because of our account, remembered a while: some programs repeat them in bursts.

What is not found, malformed or over the quota is remembered further in already; nothing else keeps these from the
centre, where each of them may count.
"""

from __future__ import annotations

from collections import OrderedDict
from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.contract import GatewayError, Question

KEPT = 1024
"""Questions remembered at most; the oldest go first."""


class Refusals:
    """Refused questions by who asked.

    Args:
        seconds: How long each is remembered.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: OrderedDict[tuple[str, Question], tuple[float, GatewayError]] = OrderedDict()

    def note(self, client: str, question: Question, error: GatewayError, now: float) -> None:
        """Remember one, at monotonic seconds `now`; without its traceback, which holds on to what was asked."""
        self._known[client, question] = now + self._seconds, copy(error)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)

    def of(self, client: str, question: Question, now: float) -> GatewayError | None:
        """What this question was refused with, if that is not long ago."""
        if not self._known:
            return None
        known = self._known.get((client, question))
        if known is None or known[0] <= now:
            return None
        return copy(known[1])
