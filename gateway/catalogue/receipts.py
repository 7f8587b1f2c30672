"""Ids and receipt numbers (pure; randomness is handed in).

An id is a UUIDv7 (RFC 9562): it sorts by the time it was made and serves as our reference at the centre. Its last 62
bits, the *tail*, are a keyed hash of what makes a hand-in the same (`Sealer.tail`): a gateway that lost a submission
and hears of its id knows a repetition by them.

A receipt number is what people read over the phone: 12 characters of Crockford base32 (60 random bits, less 0.2) and
his check character modulo 37. Numbers whose check character would be one of `*~$=U` are drawn anew: only digits,
letters remain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford base32: no I, L, O, U."""

LENGTH: Final = 12
"""Random characters of a number."""

TAIL: Final = 62
"""Bits of an id's tail."""

TAIL_AT: Final = 19
"""Where the tail begins in the text of an id."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
_CHECKS: Final = 37
_GROUP: Final = 4
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_id(now: float, bits: Callable[[int], int], tail: int | None = None) -> str:
    """A new UUIDv7.

    Args:
        now: Unix seconds.
        bits: Gives so many random bits as an integer, such as `secrets.randbits`.
        tail: Its last 62 bits; random if left out.
    """
    milliseconds = int(now * 1000) & 0xFFFF_FFFF_FFFF
    last = bits(TAIL) if tail is None else tail
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | bits(12) << 64 | 0b10 << TAIL | last))


def is_id(text: str) -> bool:
    """Whether a text is an id as `new_id` makes them."""
    return _ID.fullmatch(text) is not None


def tail_of(id_: str) -> str:
    """The tail of an id, as it is written."""
    return id_[TAIL_AT:]


def made_at(id_: str) -> float:
    """When an id was made, Unix seconds."""
    return (UUID(id_).int >> 80) / 1000


def first_id(at: float) -> str:
    """What no id made at that time (Unix seconds) or later comes before, and every earlier one does.

    Raises:
        ValueError: No id can be of that time.
    """
    milliseconds = int(at * 1000)
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError("not a time of an id")
    return str(UUID(int=milliseconds << 80))


def read_id(text: str) -> str | None:
    """The id somebody wrote, in its one spelling; None if it is none. Case does not count."""
    bare = text.strip().lower()
    return bare if _UUID.fullmatch(bare) else None


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
