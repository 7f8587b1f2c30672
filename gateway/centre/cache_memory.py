"""The answers kept in memory: the longest unused go first; everything about a subject can be dropped at once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from gateway.centre.cache_key import HALF

if TYPE_CHECKING:
    from gateway.centre.cache_policy import Entry


class CacheMemory:
    """Entries by key.

    Args:
        most: Entries kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
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
        """Keep an entry; an older one of the same key is replaced."""
        if key not in self._entries:
            self._index(key)
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            oldest, _ = self._entries.popitem(last=False)
            self._unindex(oldest)

    def forget(self, subject: bytes) -> None:
        """Drop everything about a subject."""
        for key in self._keys(self._of_subject.pop(subject, ())):
            del self._entries[key]

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
