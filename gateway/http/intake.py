"""Reading a request: header fields, correlation id, deadline, caller, body; each bounded, each refused by name."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
from itertools import chain
from typing import TYPE_CHECKING

from gateway.contract.errors import FieldFault, Invalid, TooLarge, Unauthenticated, Unsupported
from gateway.http.exchange import Gone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from gateway.http.exchange import Exchange, Fields

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_MANY_DIGITS = re.compile(r"\d{10}|\d(?:[._-]?\d){12}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_JSON_TYPES = frozenset({"application/json", "application/json;charset=utf-8"})
_MOST_QUERY_FIELDS = 100

LINGER_BYTES = 16_777_216
"""Bytes of a refused body that are still read and thrown away, so that its sender gets to read why."""

LINGER_SECONDS = 2.0
"""How long that may take."""


def headers_of(raw: Fields, limit: int) -> dict[str, str]:
    """Header fields by lower-case name, the last of each that may come twice.

    Raises:
        TooLarge: All fields together exceed `limit` bytes.
        Unauthenticated: `Authorization` comes twice: a proxy before us may have looked at the other one.
        Invalid: Another field that has one value comes twice, or the length of the body is given in two ways: what
            follows could be smuggled past a proxy.
    """
    fields = dict(raw)
    if sum(map(len, chain.from_iterable(raw))) > limit:
        raise TooLarge(f"The header fields together exceed {limit} bytes.")
    if "transfer-encoding" in fields and "content-length" in fields:
        raise Invalid(faults=(_TWO_LENGTHS,), headers=(("connection", "close"),))
    if len(raw) != len(fields):
        _refuse_repeats(raw)
        if "cookie" in fields:  # HTTP/2 may send each cookie in a field of its own (RFC 9113, 8.2.3)
            fields["cookie"] = "; ".join(value for name, value in raw if name == "cookie")
    return fields


def _refuse_repeats(raw: Fields) -> None:
    names = [name for name, _ in raw]
    if names.count("authorization") > 1:
        raise Unauthenticated("Authorization must be given once.")
    repeated = [name for name in _SINGLE if names.count(name) > 1]
    if repeated:
        raise Invalid(faults=tuple(_repeated(name) for name in repeated))


_SINGLE = (
    "content-type",
    "content-encoding",
    "content-length",
    "transfer-encoding",
    "host",
    "idempotency-key",
    "upload-offset",
    "upload-length",
    "x-request-deadline",
)


def _repeated(name: str) -> FieldFault:
    title = name.title()
    return FieldFault(
        f"header:{name}", "repeated", f"{title} must be given once.", f"{title} hanya boleh diberikan satu kali."
    )


_TWO_LENGTHS = FieldFault(
    "header:content-length",
    "two_lengths",
    "Content-Length and Transfer-Encoding must not stand together.",
    "Content-Length dan Transfer-Encoding tidak boleh bersamaan.",
)


def request_id_of(headers: Mapping[str, str]) -> str:
    """The caller's `X-Request-Id` if it is a plain token that cannot hide a population number, else a new one."""
    given = headers.get("x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given) and not _MANY_DIGITS.search(given):
        return given
    return new_request_id()


def new_request_id() -> str:
    """A random correlation id; letters only, so that no digit pattern ever mistakes it for personal data."""
    return f"{_ids.getrandbits(80):020x}".translate(_LETTERS)


_ids = random.Random(secrets.token_bytes(16))  # noqa: S311 # a name to find lines by, not a secret
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
    if not _SECONDS.fullmatch(given) or not (seconds := float(given)):
        raise Invalid(faults=(_NO_SECONDS,))
    return now + min(seconds, longest)


_NO_SECONDS = FieldFault(
    "header:x-request-deadline",
    "number",
    "X-Request-Deadline must be a positive number of seconds.",
    "X-Request-Deadline harus bilangan detik yang positif.",
)


def query_of(raw: str) -> dict[str, str]:
    """Query parameters, the last of each name.

    Raises:
        Invalid: There are more than any route could mean.
    """
    if not raw:
        return {}
    from urllib.parse import parse_qsl  # noqa: PLC0415 # few requests have a query

    if raw.count("&") >= _MOST_QUERY_FIELDS:
        raise Invalid(faults=(_LONG_QUERY,))
    return dict(parse_qsl(raw, keep_blank_values=True))


_LONG_QUERY = FieldFault(
    "query:",
    "maxItems",
    f"The query has more than {_MOST_QUERY_FIELDS} parameters.",
    f"Kueri memuat lebih dari {_MOST_QUERY_FIELDS} parameter.",
)


def check_json_type(headers: Mapping[str, str]) -> None:
    """Only plain, unencoded JSON is read.

    Raises:
        Unsupported: Another media type, or a content encoding.
    """
    given = headers.get("content-type", "").replace(" ", "").lower()
    if given not in _JSON_TYPES or headers.get("content-encoding", "identity") != "identity":
        raise Unsupported


class Body:
    """The body of one request, as far as it was read.

    Args:
        exchange: Gives it.
        headers: Say how long it is.
    """

    __slots__ = ("_declared", "_exchange", "_is_chunked", "_pieces", "_unread", "_waits")

    def __init__(self, exchange: Exchange, headers: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._pieces: AsyncIterator[bytes] | None = None
        self._declared = headers.get("content-length", "")
        self._is_chunked = "transfer-encoding" in headers
        self._unread = self._is_chunked or self._declared not in {"", "0"}
        self._waits = "expect" in headers

    def check_declared(self, limit: int) -> None:
        """Refuse a body that says beforehand that it is too large.

        Raises:
            TooLarge: It says it exceeds `limit` bytes.
        """
        if self._declared.isdecimal() and int(self._declared[:20]) > limit:
            raise TooLarge(f"The body exceeds {limit} bytes.")

    async def read(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            TooLarge: It exceeds `limit` bytes, or says so beforehand.
            Gone: The caller closed the connection.
        """
        self.check_declared(limit)
        if self._declared and not self._is_chunked:
            self._unread = False
            return await self._exchange.whole() if self._declared != "0" else b""
        pieces, size = [], 0
        async for piece in self._rest():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise TooLarge(f"The body exceeds {limit} bytes.")
        self._unread = False
        return b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body piece by piece, unbounded; to be read once.

        Raises:
            Gone: While iterated over: the caller left before it was whole.
        """
        if not self._unread:
            return
        async for piece in self._rest():
            if piece:
                yield piece
        self._unread = False

    async def discard(self) -> None:
        """Read what is left of a refused body and throw it away, within bounds; nothing is raised.

        A caller that still sends would otherwise find its connection reset instead of the refusal. One that waits for
        `100 Continue` has sent nothing and is not encouraged to.
        """
        if self._waits or not self._unread:
            return
        self._unread = False
        size = 0
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                async for piece in self._rest():
                    size += len(piece)
                    if size >= LINGER_BYTES:
                        break
        except (TimeoutError, Gone):
            return

    def _rest(self) -> AsyncIterator[bytes]:
        """The pieces not read yet; a server hands out one iteration over them only."""
        if self._pieces is None:
            self._pieces = self._exchange.pieces()
        return self._pieces
