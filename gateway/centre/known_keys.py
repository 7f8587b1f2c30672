"""Which keys may be on disk: a Bloom filter, so that a question asked for the first time costs no disk access."""

from __future__ import annotations

from struct import Struct

_WORDS = Struct("<4I")

BITS_PER_KEY = 10
"""With four probes about one absent key in 85 is looked for in vain."""


class KnownKeys:
    """Keys that were added; may claim one that was not, never deny one that was.

    Args:
        expected: Keys it is sized for.
    """

    def __init__(self, expected: int) -> None:
        size = max(1024, expected * BITS_PER_KEY)
        self._bits = bytearray(-(-size // 8))
        self._size = len(self._bits) * 8

    def add(self, key: bytes) -> None:
        """Add a key of at least 32 bytes that are already a hash."""
        for word in self._words(key):
            place = word % self._size
            self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, key: bytes) -> bool:
        for word in self._words(key):
            place = word % self._size
            if not self._bits[place >> 3] & (1 << (place & 7)):
                return False
        return True

    @staticmethod
    def _words(key: bytes) -> tuple[int, ...]:
        """Four numbers: the subject's half tells subjects apart, mixed with the detail's half."""
        mixed = int.from_bytes(key[:16], "little") ^ int.from_bytes(key[16:32], "little")
        return _WORDS.unpack(mixed.to_bytes(16, "little"))
