"""What a case of the fire drill is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.testing.licence.subject import Subject

HOUR, DAY = 3_600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        name: Stable word.
        asks: What must be true, one line.
        cure: Where to look when it is not.
        run: Plays it; one line per fault.
        half: Which kind of traffic it needs; only what hands in is put to the write half.
    """

    name: str
    asks: str
    cure: str
    run: Callable[[Subject], Iterable[str]]
    half: Literal["read", "write"] = "read"
