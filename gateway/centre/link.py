"""A link of the chain to the centre, and what may change about a call while it travels.

```
cache ─► written ─► coalesce ─► retry ─► allowance ─► limiter ─► breaker ─► client ─► centre
  Call                 │ Carried(call, flight) from here on: one flight may carry the askers of many calls
                       └─ a joining asker may raise the flight's class, extend its deadline, and adds its village

writes: Trip ─────────────────────────────────────► limiter ─► breaker ─► the write's own exchange ─► centre
                         Travelling(trip, service, flight): nobody joins, nothing is remembered or tried again
```

Every link takes the next one as `inner` and has one method, `ask`. Errors are the contract's. A link below
`coalesce` reads deadline and class from the flight, never from the call.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.contract.errors import GatewayError, Internal
from gateway.contract.messages import Call, CentreService, Priority

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.messages import Answer


class Link(Protocol):
    """One step on the way to the centre."""

    async def ask(self, call: Call) -> Answer:
        """The answer to a call.

        Raises:
            GatewayError: Any leaf of the contract's tree.
        """


class Asker(Protocol):
    """Who wants something of the centre, how urgently and until when."""

    @property
    def village(self) -> str:
        """Village it is wanted for."""

    @property
    def caller(self) -> str:
        """Id of the caller."""

    @property
    def priority(self) -> Priority:
        """Class in the queue."""

    @property
    def deadline(self) -> float:
        """Monotonic seconds after which nobody waits for it."""


class Carriage(Asker, Protocol):
    """What limiter and breaker need to know of an exchange, be it a question or a write."""

    @property
    def service(self) -> CentreService:
        """The service it is made with."""

    @property
    def request_id(self) -> str:
        """Correlation id."""

    @property
    def flight(self) -> Flight:
        """What may change while it is on its way."""


class Flight:
    """What may change while a call is on its way; shared by the links it passes.

    Attributes:
        deadline: Latest deadline of its askers, monotonic seconds.
        askers: (village, caller) of everyone who asked, in order of arrival.
        sent: Whether the present attempt was handed to the client.
        reached: Whether any attempt was.
        knocked: Whether its first asker was counted at the gate already (`Limiter.knock`).
    """

    __slots__ = ("_watchers", "askers", "deadline", "knocked", "reached", "sent")

    def __init__(self, call: Asker, *, knocked: bool = False) -> None:
        self.deadline = call.deadline
        self.askers: dict[tuple[str, str], None] = {(call.village, call.caller): None}
        self.sent = False
        self.reached = False
        self.knocked = knocked
        self._watchers: list[Callable[[Asker], None]] = []

    def join(self, call: Asker) -> None:
        """Another asker waits for the same answer; links that hold the flight are told."""
        self.deadline = max(self.deadline, call.deadline)
        self.askers[call.village, call.caller] = None
        for watcher in tuple(self._watchers):
            watcher(call)

    def watch(self, watcher: Callable[[Asker], None]) -> None:
        """Call `watcher` with every asker that joins, until `unwatch`."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[Asker], None]) -> None:
        """Stop telling a watcher."""
        self._watchers.remove(watcher)


class Carried(Call, frozen=True, kw_only=True):
    """A call below `coalesce`: its own `deadline` is only the outer bound, the flight's is what counts.

    Attributes:
        flight: What its askers want by now.
    """

    flight: Flight


def carry(call: Call, *, bound: float | None = None, knocked: bool = False) -> Carried:
    """The call with a flight of its own, or itself if it has one.

    Args:
        call: What is asked.
        bound: Monotonic seconds no joining asker can extend the flight beyond; None keeps the call's deadline.
        knocked: Whether it was counted at the gate already.
    """
    if isinstance(call, Carried):
        return call
    return Carried(
        call.question,
        call.right,
        call.caller,
        call.village,
        call.adapter,
        call.priority,
        call.deadline if bound is None else max(bound, call.deadline),
        call.request_id,
        call.traceparent,
        call.freshness,
        flight=Flight(call, knocked=knocked),
    )


class Trip(msgspec.Struct, frozen=True):
    """For whom something is handed in or asked after, and until when; the write half's counterpart of a `Call`.

    Attributes:
        right: Name of the right whose account it is done under.
        caller: The caller's id.
        village: Village it is done for; empty when unknown.
        priority: Class in the queue.
        deadline: Monotonic seconds after which it is given up.
        request_id: Correlation id.
        traceparent: W3C trace context to pass on, or None.
    """

    right: str
    caller: str
    village: str
    priority: Priority
    deadline: float
    request_id: str
    traceparent: str | None = None


class Travelling(Trip, frozen=True, kw_only=True):
    """A trip on its way, once.

    Attributes:
        service: The service it is made with.
        flight: A flight of its own; nobody joins it.
    """

    service: CentreService
    flight: Flight


def travel(trip: Trip, service: CentreService) -> Travelling:
    """Set out on a trip."""
    return Travelling(
        trip.right,
        trip.caller,
        trip.village,
        trip.priority,
        trip.deadline,
        trip.request_id,
        trip.traceparent,
        service=service,
        flight=Flight(trip),
    )


def renewed(error: Exception) -> GatewayError:
    """A fresh instance of an error that several askers share; anything outside the tree becomes `Internal`."""
    fresh = copy(error) if isinstance(error, GatewayError) else Internal()
    fresh.__cause__ = error
    return fresh
