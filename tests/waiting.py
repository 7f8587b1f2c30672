"""Waiting for what nobody signals: a process that gets ready, a page that changes, a counter that falls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

POLL = 0.01
"""Seconds between two looks at a condition: looking all the time would take the processor from what is waited for."""

PATIENCE = 30.0
"""Seconds after which nobody waits any longer, however busy the machine is."""


def eventually(condition: Callable[[], T], within: float = PATIENCE, what: str = "it comes true") -> T:
    """The first truthy value of a condition, looked at again and again.

    Args:
        condition: What must come true.
        within: Seconds it may take.
        what: Said when it does not.

    Raises:
        AssertionError: It did not come true in time.
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within} s: {what} (last seen: {value!r})")
        time.sleep(POLL)
