"""From a call's parameters to the question it asks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from gateway.catalogue.fields import VERIFY_ELEMENTS
from gateway.catalogue.nik import EXPRESSION
from gateway.contract import CentreService, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract import Caller, Right

_ELEMENTS: Final = frozenset(VERIFY_ELEMENTS)
_LONGEST_ELEMENT: Final = 1000
_PERCENT: Final = 100
_PERCENT_DIGITS: Final = 15
_is_nik: Final = re.compile(EXPRESSION).fullmatch
_is_card: Final = re.compile("[0-9]{16}").fullmatch


def question_of(service: CentreService, asked: Mapping[str, str]) -> Question | None:
    """The question, its subject as it was sent; None where something is missing or out of range (code 07)."""
    nik = asked.get("nik", "")
    if service is CentreService.BIODATA:
        return Question(service, nik) if nik else None
    if service is CentreService.VERIFY:
        return _verification(nik, asked) if nik else None
    no_kk = asked.get("NO_KK", "").strip()
    if no_kk:
        return Question(service, no_kk)
    return Question(service, nik, by_nik=True) if nik else None


def _verification(nik: str, asked: Mapping[str, str]) -> Question | None:
    """Elements keep the order they came in, for the centre's verdicts follow it; empty ones are elements too."""
    elements = tuple((name, value) for name, value in asked.items() if name in _ELEMENTS)
    threshold = asked.get("threshold", "")
    if not elements or any(len(value) > _LONGEST_ELEMENT for _, value in elements):
        return None
    if not (threshold.isascii() and threshold.isdecimal() and len(threshold) <= _PERCENT_DIGITS):
        return None
    percent = int(threshold)
    return Question(CentreService.VERIFY, nik, elements, percent) if 1 <= percent <= _PERCENT else None


def granted(question: Question, right: Right, caller: Caller) -> Question | None:
    """A verification of those elements that right and caller hold, as the centre does it; None where none is left."""
    fields = right.fields if caller.fields is None else right.fields & caller.fields
    elements = tuple((name, value) for name, value in question.elements if name in fields)
    return replace(question, elements=elements) if elements else None


def is_well_formed(question: Question) -> bool:
    """Whether the centre could know the number; one it could not costs no call (code 15)."""
    is_card = question.service is CentreService.FAMILY_CARD and not question.by_nik
    return (_is_card if is_card else _is_nik)(question.subject) is not None
