"""The answers kept in memory, bounded in number and bytes: the longest unused go first, large ones stay on disk.

Everything about a subject can be dropped at once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from gateway.centre.cache_key import HALF

if TYPE_CHECKING:
    from gateway.centre.cache_policy import Entry


LARGEST_PART = 100
"""An entry of more than this part of the bytes is not kept: a few photographs must not push out everybody else."""


class CacheMemory:
    """Entries by key.

    Args:
        most: Entries kept.
        most_bytes: Bytes they may take together.

    Attributes:
        weight: Bytes they take now.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self.weight = 0
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._of_subject: dict[bytes, bytes | tuple[bytes, ...]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> Entry | None:
        """The entry, now the one used last."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: bytes, entry: Entry) -> None:
        """Keep an entry, unless it is too large; an older one of the same key goes in any case."""
        before = self._entries.pop(key, None)
        if before is not None:
            self.weight -= before.weight
        if LARGEST_PART * entry.weight > self._most_bytes:
            if before is not None:
                self._unindex(key)
            return
        if before is None:
            self._index(key)
        self._entries[key] = entry
        self.weight += entry.weight
        while len(self._entries) > self._most or self.weight > self._most_bytes:
            oldest, dropped = self._entries.popitem(last=False)
            self.weight -= dropped.weight
            self._unindex(oldest)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._of_subject.clear()
        self.weight = 0

    def forget(self, subject: bytes) -> None:
        """Drop everything about a subject."""
        for key in self._keys(self._of_subject.pop(subject, ())):
            self.weight -= self._entries.pop(key).weight

    def _index(self, key: bytes) -> None:
        """Most subjects have one key: a tuple is made only for the others."""
        subject = key[:HALF]
        held = self._of_subject.get(subject)
        self._of_subject[subject] = key if held is None else (*self._keys(held), key)

    def _unindex(self, key: bytes) -> None:
        subject = key[:HALF]
        left = tuple(other for other in self._keys(self._of_subject.pop(subject)) if other != key)
        if left:
            self._of_subject[subject] = left[0] if len(left) == 1 else left

    @staticmethod
    def _keys(held: bytes | tuple[bytes, ...]) -> tuple[bytes, ...]:
        return (held,) if isinstance(held, bytes) else held
