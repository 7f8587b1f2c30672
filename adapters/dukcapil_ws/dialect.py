"""Numbers as a program expects them, where its account's answers write them otherwise.

Only values change that are names made of digits (NIK, KK, region codes); everything else keeps the centre's bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from gateway.catalogue.fields import FIELDS, Kind
from gateway.contract import CentreService, Fate

if TYPE_CHECKING:
    from gateway.contract import Reply

_Record = dict[str, msgspec.Raw]
_NUMBERS = frozenset(field.name for field in FIELDS.values() if field.kind is Kind.NUMBER)
_page = msgspec.json.Decoder(_Record).decode
_records = msgspec.json.Decoder(list[_Record] | _Record).decode
_encode = msgspec.json.Encoder().encode


def rendered(reply: Reply, numbers: Literal["number", "string"]) -> bytes:
    """The bytes of an answer with its numbers written one way; verdicts and the centre's own words stay as they are."""
    if reply.service is CentreService.VERIFY or reply.fate is not Fate.ACTIVE or not reply.found:
        return reply.raw
    page = _page(reply.raw)
    write = _as_string if numbers == "string" else _as_number
    content = _records(page["content"])
    records = content if isinstance(content, list) else [content]
    written = [{key: write(value) if key in _NUMBERS else value for key, value in one.items()} for one in records]
    page["content"] = msgspec.Raw(_encode(written if isinstance(content, list) else written[0]))
    return _encode(page)


def _as_string(value: msgspec.Raw) -> msgspec.Raw:
    text = bytes(value)
    return msgspec.Raw(b'"%b"' % text) if text.isdigit() else value


def _as_number(value: msgspec.Raw) -> msgspec.Raw:
    """Digits without quotes; a leading zero would be no JSON, and would lose its meaning."""
    digits = bytes(value)[1:-1]
    is_name = bytes(value)[:1] == b'"' and digits.isdigit() and (digits == b"0" or digits[:1] != b"0")
    return msgspec.Raw(digits) if is_name else value
