"""What a caller asks, dug out of whichever place and spelling it used.

Served are: a JSON body, a form body (the content type is not believed: the first character decides, a byte order mark
apart), the query string, and a copy of the JSON in any header. Where a name appears twice the body wins, then the
query.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SPELLINGS: Mapping[str, str] = {
    "nik": "nik",
    "no_kk": "NO_KK",
    "nokk": "NO_KK",
    "no_kartu_keluarga": "NO_KK",
    "user_id": "user",
    "userid": "user",
    "password": "password",
    "ip_user": "ip",
    "ip_users": "ip",
    "ip_address": "ip",
    "ipuser": "ip",
    "treshold": "threshold",
    "threshold": "threshold",
}
_LONGEST = 20
_MOST_FIELDS = 200
"""Fields of a form; one of more has none, as if it could not be read."""


def _number(literal: str) -> str:
    """A float's text: digits where it is whole and short, else as it came."""
    mantissa, _, exponent = literal.lower().partition("e")
    if len(mantissa) > 2 * _LONGEST or len(exponent.lstrip("+-")) > 2:  # noqa: PLR2004 # digits of an exponent
        return literal
    number = Decimal(literal)
    return str(int(number)) if abs(number.adjusted()) < _LONGEST and number == int(number) else literal


_decode = msgspec.json.Decoder(dict[str, Any], float_hook=_number).decode


def parameters(body: bytes, query: str, headers: Iterable[str]) -> dict[str, str]:
    """All parameters of a call as trimmed text.

    Credentials and keys come under `nik`, `user`, `password`, `ip`, `threshold`; everything else, verify elements
    and `NO_KK` among it, under its name in upper case. Lists, objects, booleans and null count as not given.
    """
    found = dict(_named(_body(body)))
    if query:
        found = dict(_named(parse_qsl(query, keep_blank_values=True))) | found
    if not found:
        found = dict(_named(_from_headers(headers)))
    return found


def _body(body: bytes) -> Iterable[tuple[str, object]]:
    text = body.removeprefix(BOM_UTF8).strip()
    if not text:
        return ()
    if text.startswith(b"{"):
        return _json(text)
    try:
        return parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ()


def _json(text: bytes) -> Iterable[tuple[str, object]]:
    """The members of a JSON object; anything else has none, as if no parameter had been sent."""
    try:
        return _decode(text).items()
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ()


def _from_headers(headers: Iterable[str]) -> Iterable[tuple[str, object]]:
    for value in headers:
        if value.startswith("{"):
            return _json(value.encode("latin-1", "replace"))
    return ()


def _named(pairs: Iterable[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    for name, value in pairs:
        if isinstance(value, str):
            yield _SPELLINGS.get(name.lower()) or name.upper(), value.strip()
        elif isinstance(value, int) and not isinstance(value, bool):
            yield _SPELLINGS.get(name.lower()) or name.upper(), str(value)
