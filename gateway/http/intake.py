"""Reading a request: header fields, correlation id, deadline, caller, body; each bounded, each refused by name."""

from __future__ import annotations

import math
import re
import secrets
from typing import TYPE_CHECKING, Any

from gateway.contract.errors import FieldFault, Invalid, TooLarge, Unsupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_MANY_DIGITS = re.compile(r"\d{10}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_JSON_TYPES = frozenset({"application/json", "application/json;charset=utf-8"})


class Gone(Exception):  # not an error: the caller left
    """The caller closed the connection before its request was whole."""


def headers_of(raw: list[tuple[bytes, bytes]], limit: int) -> dict[str, str]:
    """Header fields by lower-case name, the last of each; latin-1 as HTTP has it.

    Raises:
        TooLarge: All fields together exceed `limit` bytes.
    """
    fields: dict[str, str] = {}
    size = 0
    for name, value in raw:
        size += len(name) + len(value)
        fields[name.decode("latin-1")] = value.decode("latin-1")
    if size > limit:
        raise TooLarge(f"The header fields together exceed {limit} bytes.")
    return fields


def request_id_of(headers: Mapping[str, str]) -> str:
    """The caller's `X-Request-Id` if it is a plain token that cannot hide a population number, else a new one."""
    given = headers.get("x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given) and not _MANY_DIGITS.search(given):
        return given
    return new_request_id()


def new_request_id() -> str:
    """A random correlation id; letters only, so that no digit pattern ever mistakes it for personal data."""
    return secrets.token_hex(10).translate(_LETTERS)


_LETTERS = str.maketrans("0123456789", "ghjkmnpqrs")


def traceparent_of(headers: Mapping[str, str]) -> str | None:
    """The W3C trace context, if it is well formed."""
    given = headers.get("traceparent")
    return given if given is not None and _TRACEPARENT.fullmatch(given) else None


def deadline_of(headers: Mapping[str, str], now: float, default: float, longest: float) -> float:
    """Monotonic seconds until which the caller waits, from `X-Request-Deadline` (seconds).

    Raises:
        Invalid: The header is not a positive number.
    """
    given = headers.get("x-request-deadline")
    if given is None:
        return now + default
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not (seconds > 0 and math.isfinite(seconds)):
        raise Invalid(
            faults=(
                FieldFault(
                    "header:x-request-deadline",
                    "number",
                    "X-Request-Deadline must be a positive number of seconds.",
                    "X-Request-Deadline harus bilangan detik yang positif.",
                ),
            )
        )
    return now + min(seconds, longest)


def query_of(raw: bytes) -> dict[str, str]:
    """Query parameters, the last of each name."""
    if not raw:
        return {}
    from urllib.parse import parse_qsl  # noqa: PLC0415 # few requests have a query

    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=100))


def check_json_type(headers: Mapping[str, str]) -> None:
    """Only plain, unencoded JSON is read.

    Raises:
        Unsupported: Another media type, or a content encoding.
    """
    given = headers.get("content-type", "").replace(" ", "").lower()
    if given not in _JSON_TYPES or headers.get("content-encoding", "identity") != "identity":
        raise Unsupported


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: It exceeds `limit` bytes, or says so beforehand.
        Gone: The caller closed the connection.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise TooLarge(f"The body exceeds {limit} bytes.")
    message = await receive()
    if message["type"] != "http.request":
        raise Gone
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return _bounded(body, limit)
    parts = [body]
    size = len(body)
    while message.get("more_body") and size <= limit:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    return _bounded(b"".join(parts), limit)


def _bounded(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise TooLarge(f"The body exceeds {limit} bytes.")
    return body
