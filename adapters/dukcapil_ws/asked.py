"""What a caller asks, dug out of whichever place and spelling it used.

```
JSON body · form body (the first character decides, not the content type) · query · a copy of the JSON in a header
   (a byte order mark before a body, as programs of .NET send it, counts as none)
   └─► one dictionary: nik user password ip threshold, and everything else under its name in upper case
```

The copy in a header is ASCII, for the server hands over no field that holds more: JSON with JSON's own escapes, or JSON
percent-encoded as UTF-8 (`%7B%22nik…`, also with the `UTF-8''` of RFC 8187 before it).

Where a name stands in two places the body wins, then the query; a header is looked at only where both are silent.
Numbers keep their digits, for NIKs of provinces from 91 exceed 2^53. What cannot be read counts as not given.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SPELLINGS: Mapping[str, str] = {
    "nik": "nik",
    "user_id": "user",
    "userid": "user",
    "password": "password",
    "ip_user": "ip",
    "ip_users": "ip",
    "ip_address": "ip",
    "ipuser": "ip",
    "treshold": "threshold",
    "threshold": "threshold",
    "nokk": "NO_KK",
    "no_kartu_keluarga": "NO_KK",
}
_MOST_FIELDS = 200
_LONGEST_NUMBER = 20
_is_short = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?").fullmatch
"""Floats that may be computed with: an exponent of more digits costs memory, or is beyond what a decimal can be."""


_is_coded = re.compile(r"(?:utf-8'[a-z0-9-]{0,20}')?(?=%7b)", re.IGNORECASE).match
"""JSON whose characters beyond ASCII, or all, are percent-encoded UTF-8: plain, or marked as RFC 8187 has it."""


def _digits(literal: str) -> str:
    """A float's text: plain digits where it is whole, such as `3527012904900001.0`, else as it came."""
    if not _is_short(literal):
        return literal
    number = Decimal(literal)
    whole = abs(number.adjusted()) < _LONGEST_NUMBER and number == number.to_integral_value()
    return f"{number:.0f}" if whole else literal


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=_digits).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def parameters(body: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    """All parameters of a call as text.

    Args:
        body: As it came.
        query: Decoded query parameters.
        headers: Header fields.

    Returns:
        The known ones trimmed, under `nik`, `user`, `password`, `ip`, `threshold`; all others, the elements of a
        verification and `NO_KK` among them, verbatim under their name in upper case. Lists, objects, booleans and
        null count as not given.
    """
    found: dict[str, str] = {}
    if query:
        _take(found, query.items())
    _take(found, _json(body) if body[:1] == b"{" else _in_body(body))
    if not found:
        _take(found, _in_headers(headers))
    return found


def _in_body(body: bytes) -> Iterable[tuple[str, object]]:
    text = body.removeprefix(BOM_UTF8).strip()
    if not text:
        return ()
    if text.startswith(b"{"):
        return _json(text)
    try:
        return parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:  # more fields than any question has
        return ()


def _json(text: bytes) -> Iterable[tuple[str, object]]:
    try:
        return _decode(text).items()
    except _UNREADABLE:
        return ()


def _in_headers(headers: Mapping[str, str]) -> Iterable[tuple[str, object]]:
    for value in headers.values():
        if value.startswith("{"):
            return _json(value.encode("latin-1", "replace"))
        coded = _is_coded(value)
        if coded is not None:
            return _json(unquote_to_bytes(value[coded.end() :]))
    return ()


def _take(found: dict[str, str], pairs: Iterable[tuple[str, object]]) -> None:
    for name, value in pairs:
        if isinstance(value, str):
            text = value
        elif isinstance(value, int) and not isinstance(value, bool):
            text = str(value)
        else:
            continue
        known = _SPELLINGS.get(name) or _SPELLINGS.get(name.lower())
        if known is None:
            found[name.upper()] = text
        else:
            found[known] = text.strip()
