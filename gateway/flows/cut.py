"""Cutting away the fields a caller may not see, without re-encoding the rest.

If every key of the answer may be shown, the centre's bytes pass as they came. Otherwise the records are rebuilt from
the raw values of the keys that stay; digits, spelling and order are those of the centre. Error texts and counters of
the envelope pass; an answer whose fate is not `active` has no record to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from gateway.contract.errors import CentreMisanswered
from gateway.contract.messages import CentreService, Fate
from gateway.flows.memo import Memo

if TYPE_CHECKING:
    from gateway.contract.messages import Answer, Reply

_Members = dict[str, msgspec.Raw]


class _Page(msgspec.Struct):
    """The part of the centre's envelope that holds records; `content` is an object in older services."""

    content: list[_Members] | _Members


_page = msgspec.json.Decoder(_Page).decode
_whole = msgspec.json.Decoder(_Members).decode
_encode = msgspec.json.Encoder().encode

ALWAYS = frozenset({"RESPON", "RESPONSE", "RESPONSE_CODE", "RESPONSE_DESC"})
"""Keys of the centre's own words about the answer; they reveal no field."""


def records(raw: bytes) -> list[_Members]:
    """The records of a reply, keys to raw JSON values.

    Raises:
        CentreMisanswered: It has none where they belong.
    """
    try:
        content = _page(raw).content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CentreMisanswered from None
    return content if isinstance(content, list) else [content]


class Cutter:
    """Cuts answers and remembers the last results, so that a repeated question costs no second cut."""

    def __init__(self) -> None:
        self._memo: Memo[Reply] = Memo()

    def cut(self, answer: Answer, fields: frozenset[str]) -> Answer:
        """The answer with nothing but `fields` in its records."""
        reply = answer.reply
        if reply.service is CentreService.VERIFY or reply.fate is not Fate.ACTIVE:
            return answer
        shown = self._memo.of(reply, fields, lambda whole: _cut(whole, fields))
        return answer if shown is reply else replace(answer, reply=shown)


def _cut(reply: Reply, fields: frozenset[str]) -> Reply:
    found = records(reply.raw)
    keep = fields | ALWAYS
    if all(keep.issuperset(record) for record in found):
        return reply
    whole = _whole(reply.raw)
    shown = [{key: value for key, value in record.items() if key in keep} for record in found]
    is_list = bytes(whole["content"]).lstrip()[:1] == b"["
    whole["content"] = msgspec.Raw(_encode(shown if is_list else shown[0]))
    return replace(reply, raw=_encode(whole))
