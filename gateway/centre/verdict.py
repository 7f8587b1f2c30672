"""What a policy says when it is offered a call: go on, wait, or be refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Admit:
    """The call may go on now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The call must wait.

    Attributes:
        after: Seconds until it may go on; an estimate where the policy cannot know.
    """

    after: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """The call is not let through.

    Attributes:
        after: Seconds after which asking again makes sense.
        reason: A stable word for logs.
    """

    after: float
    reason: str


ADMIT = Admit()
"""The one way to be admitted."""
