"""Forms of browsers: `application/x-www-form-urlencoded`, read into the same struct as the JSON body.

A field is a text; a switch is on when it is there with anything but `false`, `off`, `0` or nothing; a list has its
field several times. Everything wrong is named as it is in JSON. `csrf` is a field like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from gateway.contract.errors import FieldFault, Invalid, Unsupported
from gateway.http.bodies import BodyReader
from gateway.http.intake import check_json_type

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM: Final = "application/x-www-form-urlencoded"
"""Media type of a browser's form."""

_MOST_FIELDS: Final = 1_000
_OFF: Final = frozenset({"", "0", "false", "off"})
_TWICE = FieldFault("", "repeated", "A field came twice.", "Ada isian yang terkirim dua kali.")
_NO_FORM = FieldFault("", "form", "The body is no form.", "Isi bukan formulir yang sah.")


def is_form(headers: Mapping[str, str]) -> bool:
    """Whether the body comes from a browser's form."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def fields_of(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, in order.

    Raises:
        Invalid: It is none, or has too many.
    """
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Invalid(faults=(_NO_FORM,)) from None


def token_of(headers: Mapping[str, str], content: object) -> str:
    """The token against forgery that came with a request: in `X-CSRF-Token`, or in the body's field `csrf`."""
    given = headers.get("x-csrf-token")
    if given is not None:
        return given
    if isinstance(content, bytes):
        return next((value for name, value in fields_of(content) if name == "csrf"), "") if is_form(headers) else ""
    found = getattr(content, "csrf", "")
    return found if isinstance(found, str) else ""


class FormReader(BodyReader):
    """Reads one type of body, from a form or from JSON.

    Args:
        model: msgspec struct of texts, switches and lists of texts that forbids unknown fields.
    """

    def __init__(self, model: type[msgspec.Struct]) -> None:
        super().__init__(model)
        self._kinds = {field.encode_name: field.type for field in msgspec.structs.fields(model)}

    def check(self, headers: Mapping[str, str]) -> None:
        """Take a form, or plain JSON.

        Raises:
            Unsupported: The header fields announce something else.
        """
        if not is_form(headers):
            check_json_type(headers)
        elif headers.get("content-encoding", "identity") != "identity":
            raise Unsupported

    def read(self, body: bytes) -> msgspec.Struct:
        """The decoded body; a form never begins with a brace, which it would have to escape.

        Raises:
            Invalid: Fields are wrong; every wrong field is named.
        """
        if body[:1] in {b"{", b"["}:
            return super().read(body)
        return super().read(msgspec.json.encode(self._values(body)))

    def _values(self, body: bytes) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, text in fields_of(body):
            kind = self._kinds.get(name)
            if kind == list[str]:
                values.setdefault(name, []).append(text)
            elif name in values:
                raise Invalid(faults=(_TWICE,))
            else:
                values[name] = text.lower() not in _OFF if kind is bool else text
        return values
