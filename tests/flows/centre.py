"""A centre as a function: one effect per reference, and faults as a test orders them."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING

from gateway.contract.errors import CentreTimeout, CentreUnreachable
from gateway.flows.dispatch import Refused, Taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.flows.dispatch import Partly
    from gateway.outbox.lanes import Lane
    from gateway.outbox.outbox import Claimed

AWAY = "away"
LOST_ANSWER = "lost answer"
LOST_REQUEST = "lost request"
REFUSE = "refuse"
HANG = "hang"
BROKEN = "broken"


class Centre:
    """The far end.

    Attributes:
        effects: How often each reference had an effect; must be 1.
        order: References in order of their effects.
        asked: References asked for.
        faults: What happens to the next calls, one each; empty for all well.
        partly: How far its files come with the next call; None for all of them.
        away: Nobody gets through.
        closed: Services whose circuit is open.
        arrived: Set with each call.
        holding: While set, calls wait for `release`.
    """

    def __init__(self) -> None:
        """Begin well and empty."""
        self.effects: Counter[str] = Counter()
        self.order: list[str] = []
        self.asked: list[str] = []
        self.calls = 0
        self.faults: deque[str | Exception] = deque()
        self.choose: Callable[[], str | Exception | None] | None = None
        self.partly: Callable[[], Partly | None] = lambda: None
        self.away = False
        self.closed: set[str] = set()
        self.arrived = asyncio.Event()
        self.holding: asyncio.Event | None = None

    def is_open(self, lane: Lane) -> bool:
        """Whether its service's circuit lets calls go."""
        return lane.service not in self.closed

    async def submit(self, claimed: Claimed, until: float) -> Taken | Refused | Partly:  # noqa: ARG002 # ended outside
        """Take it, once, unless a fault is due."""
        came = self.partly()
        if came is not None:
            self.arrived.set()
            return came
        fault = await self._call()
        if fault == REFUSE:
            return Refused("form_invalid")
        if fault != LOST_REQUEST:
            self._take(claimed.facts.id)
        if fault in {LOST_ANSWER, LOST_REQUEST}:
            raise CentreTimeout
        return Taken(f"SK-{claimed.facts.id[-6:]}")

    async def find(self, claimed: Claimed, until: float) -> Taken | None:  # noqa: ARG002 # ended from outside
        """What is held under a reference."""
        self.asked.append(claimed.facts.id)
        if await self._call() is not None:
            raise CentreTimeout
        return Taken("SK-found") if claimed.facts.id in self.effects else None

    def _take(self, reference: str) -> None:
        if reference not in self.effects:
            self.order.append(reference)
        self.effects[reference] = 1

    async def _call(self) -> str | None:
        self.calls += 1
        self.arrived.set()
        fault = self.faults.popleft() if self.faults else self.choose() if self.choose is not None else None
        if self.away:
            raise CentreUnreachable
        if isinstance(fault, Exception):
            raise fault
        if fault == AWAY:
            raise CentreUnreachable
        if fault == BROKEN:
            raise ValueError("3527012904900001 is broken")
        if fault == HANG:
            await asyncio.Event().wait()
        if self.holding is not None:
            await self.holding.wait()
        return fault
