"""Subjects that were forgotten while answers about them may still be on their way; those come too late to be kept."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from gateway.centre.cache_key import HALF

if TYPE_CHECKING:
    from collections.abc import Iterable

REMEMBERED = 1024
"""Subjects whose late answers are refused; they are kept as long as a call can last."""

LONGEST_CALL = 120.0
"""Seconds after which no call that began before a subject was forgotten can still come back."""


class Forgotten:
    """Who was forgotten when; times are monotonic seconds."""

    def __init__(self) -> None:
        self._at: dict[bytes, float] = {}
        self._all_at = -inf

    def __len__(self) -> int:
        return len(self._at)

    def begin(self, halves: Iterable[bytes], now: float) -> None:
        """From now until `end` nothing about these subjects counts."""
        if len(self._at) > REMEMBERED:
            self._at = {half: at for half, at in self._at.items() if now - at < LONGEST_CALL}
        self._at.update(dict.fromkeys(halves, inf))

    def end(self, halves: Iterable[bytes], now: float) -> None:
        """What began before now does not count either."""
        self._at.update(dict.fromkeys(halves, now))

    def begin_all(self) -> None:
        """From now until `end_all` nothing counts."""
        self._all_at = inf

    def end_all(self, now: float) -> None:
        """What began before now does not count either."""
        self._all_at = now

    def since(self, key: bytes, since: float) -> bool:
        """Whether a key's subject was forgotten at or after a time, or is being forgotten."""
        at = self._at.get(key[:HALF])
        return self._all_at >= since or (at is not None and at >= since)
