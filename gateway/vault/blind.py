"""Finds a NIK or KK that is stored nowhere in the clear: a keyed hash (HMAC-SHA256) of the digits.

A plain hash of 16 structured digits is undone by trying them all within hours; without the key it cannot be tried.
Each purpose (the cache, the submissions, the ledger) and each kind has its own key, so that nobody who copies two
tables can join them, and equal digits of different kinds do not meet.

The index is constant: the same digits give the same bytes for as long as the `index` secret stays, whatever happens
to the masters. Changing that secret means computing every index anew from the sealed values (open, hash, write) while
the gateway stands still; nothing can be found by the old index afterwards. It is therefore not part of the rotation
of masters.

Truncated to 128 bits: with 10**9 different numbers the chance that any two meet is below 10**-20.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, get_args

from gateway.vault.keys import derive

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

    from gateway.vault.keys import Keyring

INDEX_BYTES: Final = 16
"""Length of an index."""

_BLOCK: Final = 64  # of SHA-256; a derived key is shorter

Kind = Literal["nik", "no_kk"]
"""What the digits are."""


class BlindIndex:
    """Indexes the NIKs and KK numbers of one purpose; may be shared by threads.

    Args:
        keyring: Holds the `index` secret.
        purpose: Where the index is stored (`cache`, `submissions`, `ledger`).
    """

    def __init__(self, keyring: Keyring, *, purpose: str) -> None:
        kinds: tuple[Kind, ...] = get_args(Kind)
        self._halves = {kind: _halves(derive(keyring.index, "blind", purpose, kind)) for kind in kinds}

    def of(self, kind: Kind, digits: str) -> bytes:
        """Return the index of a number.

        Args:
            kind: `nik` or `no_kk`.
            digits: The checked number, cleaned: the same person must always be spelled the same.

        Returns:
            `INDEX_BYTES` bytes.

        Raises:
            ValueError: It is not made of ASCII digits; the message does not quote it.
        """
        if not (digits.isascii() and digits.isdecimal()):
            raise ValueError("a blind index is made of checked digits only")
        inside, outside = self._halves[kind]
        inner = inside.copy()
        inner.update(digits.encode("ascii"))
        outer = outside.copy()
        outer.update(inner.digest())
        return outer.digest()[:INDEX_BYTES]


def _halves(key: bytes) -> tuple[HASH, HASH]:
    """HMAC's two hashes with the key in them already, which is most of its cost."""
    block = key.ljust(_BLOCK, b"\0")
    return sha256(bytes(byte ^ 0x36 for byte in block)), sha256(bytes(byte ^ 0x5C for byte in block))
