"""Answers as the native API shows them: plain values under the wire's own names.

Numbers that are names (NIK, KK, region codes) become strings, so that no client loses digits; blanks and the `-` that
stands for nothing become null. Everything else is as the centre said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.contract.errors import CentreMisanswered
from gateway.contract.messages import Fate
from gateway.flows.cut import ALWAYS, records

if TYPE_CHECKING:
    from gateway.contract.messages import Reply

_NOTHING = frozenset({"", "-"})
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_VERDICT = re.compile(r"(Tidak )?Sesuai(?: \((\d{1,3})\))?")
_text = msgspec.json.Decoder(str).decode
_Plain = dict[str, str | int | None]


class _PlainPage(msgspec.Struct):
    """The usual page: its records hold texts, whole numbers and nulls only, read in one go."""

    content: list[_Plain] | _Plain


_plain_page = msgspec.json.Decoder(_PlainPage).decode


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """Outcome of one compared element.

    Attributes:
        match: Whether it agrees within the threshold.
        score: Similarity in percent, only for names, places and addresses.
    """

    match: bool
    score: int | None = None


def plain(raw: msgspec.Raw) -> str | None:
    """One value as text, or None for nothing.

    Raises:
        CentreMisanswered: It is a list or an object.
    """
    text = bytes(raw)
    first = text[:1]
    if first == b'"':
        return _cleaned(_text(text))
    if first in b"[{":
        raise CentreMisanswered
    return None if text == b"null" else text.decode("ascii")


def resident(reply: Reply) -> dict[str, str | None] | None:
    """The fields of a biodata reply; None when its fate leaves nothing to show."""
    if reply.fate is not Fate.ACTIVE:
        return None
    found = _shown(reply.raw)
    if not found:
        raise CentreMisanswered
    return found[0]


def members(reply: Reply) -> list[dict[str, str | None]]:
    """The members of a family-card reply, in the centre's order."""
    return _shown(reply.raw) if reply.fate is Fate.ACTIVE else []


def matches(reply: Reply) -> dict[str, Match]:
    """The outcome of each element of a verify reply; never a stored value.

    Raises:
        CentreMisanswered: A verdict that is none.
    """
    if reply.fate is not Fate.ACTIVE:
        return {}
    return {name: _match(value) for name, value in _first(reply).items() if name not in ALWAYS}


def _first(reply: Reply) -> dict[str, msgspec.Raw]:
    found = records(reply.raw)
    if not found:
        raise CentreMisanswered
    return found[0]


def _shown(raw: bytes) -> list[dict[str, str | None]]:
    """The records of a reply; those with values out of the ordinary are read one value at a time."""
    try:
        content = _plain_page(raw).content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [{name: plain(value) for name, value in one.items() if name not in ALWAYS} for one in records(raw)]
    found = content if isinstance(content, list) else [content]
    return [{name: _shown_value(value) for name, value in one.items() if name not in ALWAYS} for one in found]


def _shown_value(value: str | int | None) -> str | None:
    if isinstance(value, str):
        return _cleaned(value)
    return None if value is None else str(value)


def _cleaned(value: str) -> str | None:
    text = value.strip() if value.isprintable() else _UNPRINTABLE.sub(" ", value).strip()
    return None if text in _NOTHING else text


def _match(raw: msgspec.Raw) -> Match:
    verdict: Any = _VERDICT.fullmatch(plain(raw) or "")
    if verdict is None:
        raise CentreMisanswered
    score = verdict.group(2)
    return Match(verdict.group(1) is None, int(score) if score is not None else None)
