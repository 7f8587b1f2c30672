"""Ids and receipt numbers (pure; randomness is handed in).

An id is a UUIDv7 (RFC 9562): it sorts by the time it was made and serves as our reference at the centre. A receipt
number is what people read over the phone: 12 characters of Crockford base32 (60 random bits, less 0.2) and his check
character modulo 37. Numbers whose check character would be one of `*~$=U` are drawn anew: only digits, letters remain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford base32: no I, L, O, U."""

LENGTH: Final = 12
"""Random characters of a number."""

_CHECKS: Final = 37
_GROUP: Final = 4
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_id(now: float, bits: Callable[[int], int]) -> str:
    """A new UUIDv7.

    Args:
        now: Unix seconds.
        bits: Gives so many random bits as an integer, such as `secrets.randbits`.
    """
    milliseconds = int(now * 1000) & 0xFFFF_FFFF_FFFF
    value = milliseconds << 80 | 0x7 << 76 | bits(12) << 64 | 0b10 << 62 | bits(62)
    return str(UUID(int=value))


def new_number(bits: Callable[[int], int]) -> str:
    """A new receipt number, as people read it: `7K3M-9QRT-2VWX-5`."""
    while True:
        value = bits(5 * LENGTH)
        check = value % _CHECKS
        if check < len(ALPHABET):
            break
    text = "".join(ALPHABET[value >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
    groups = [text[place : place + _GROUP] for place in range(0, LENGTH, _GROUP)]
    return "-".join((*groups, ALPHABET[check]))


def read_number(text: str) -> str | None:
    """The number somebody typed or spelled, in its one spelling; None if a character is wrong or missing.

    Case, blanks and hyphens do not count; O is read as 0, I and L as 1. Every single wrong character, and every
    exchange of two neighbours, is noticed.
    """
    bare = text.upper().translate(_READ_AS)
    if len(bare) != LENGTH + 1 or any(character not in ALPHABET for character in bare):
        return None
    value = 0
    for character in bare[:LENGTH]:
        value = value << 5 | ALPHABET.index(character)
    if value % _CHECKS != ALPHABET.index(bare[LENGTH]):
        return None
    groups = [bare[place : place + _GROUP] for place in range(0, LENGTH, _GROUP)]
    return "-".join((*groups, bare[LENGTH]))
