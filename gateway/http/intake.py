"""Reading a request: header fields, correlation id, deadline, caller, body; each bounded, each refused by name."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
from typing import TYPE_CHECKING, Any

from gateway.contract.errors import FieldFault, Invalid, TooLarge, Unsupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from gateway.http.lookout import Lookout

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

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


class Gone(Exception):  # not an error: the caller left
    """The caller closed the connection before its request was whole."""


def headers_of(raw: list[tuple[bytes, bytes]], limit: int) -> dict[str, str]:
    """Header fields by lower-case name, the last of each; latin-1 as HTTP has it.

    Raises:
        TooLarge: All fields together exceed `limit` bytes.
        Invalid: The length of the body is given in two ways: what follows could be smuggled past a proxy.
    """
    fields: dict[str, str] = {}
    size = 0
    for name, value in raw:
        size += len(name) + len(value)
        fields[name.decode("latin-1")] = value.decode("latin-1")
    if size > limit:
        raise TooLarge(f"The header fields together exceed {limit} bytes.")
    if "transfer-encoding" in fields and "content-length" in fields:
        raise Invalid(faults=(_TWO_LENGTHS,), headers=(("connection", "close"),))
    return fields


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


def query_of(raw: bytes) -> dict[str, str]:
    """Query parameters, the last of each name.

    Raises:
        Invalid: There are more than any route could mean.
    """
    if not raw:
        return {}
    from urllib.parse import parse_qsl  # noqa: PLC0415 # few requests have a query

    if raw.count(b"&") >= _MOST_QUERY_FIELDS:
        raise Invalid(faults=(_LONG_QUERY,))
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True))


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
        receive: Gives its parts.
    """

    __slots__ = ("_declared", "_late", "_receive", "_unread", "_waits")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._declared = ""
        self._unread = self._waits = self._late = False

    def announced(self, headers: Mapping[str, str]) -> None:
        """Take what the header fields say of it."""
        self._declared = headers.get("content-length", "")
        self._unread = self._declared not in {"", "0"} or "transfer-encoding" in headers
        self._waits = "expect" in headers

    def check_declared(self, limit: int) -> None:
        """Refuse a body that says beforehand that it is too large.

        Raises:
            TooLarge: It says it exceeds `limit` bytes.
        """
        if self._declared.isdecimal() and int(self._declared[:20]) > limit:
            raise TooLarge(f"The body exceeds {limit} bytes.")

    async def read(self, limit: int, seconds: float, lookout: Lookout) -> bytes:
        """The whole body.

        Raises:
            TooLarge: It exceeds `limit` bytes, or says so beforehand.
            Gone: The caller closed the connection, or did not send it all within `seconds`.
        """
        self.check_declared(limit)
        task = asyncio.current_task()
        if task is not None:
            lookout.note(task, seconds, self._give_up)
        try:
            return await self._whole(limit)
        except asyncio.CancelledError:
            if self._late and task is not None and not task.uncancel():
                raise Gone from None
            raise
        finally:
            if task is not None:
                lookout.cross_out(task)

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        self._late = True
        task.cancel()

    async def _whole(self, limit: int) -> bytes:
        body, more = await self._part()
        if more:
            parts = [body]
            size = len(body)
            while more and size <= limit:
                part, more = await self._part()
                parts.append(part)
                size += len(part)
            body = b"".join(parts)
        if len(body) > limit:
            raise TooLarge(f"The body exceeds {limit} bytes.")
        return body

    async def discard(self) -> None:
        """Read what is left of a refused body and throw it away, within bounds; nothing is raised.

        A caller that still sends would otherwise find its connection reset instead of the refusal. One that waits for
        `100 Continue` has sent nothing and is not encouraged to.
        """
        if self._waits or not self._unread:
            return
        size, more = 0, True
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while more and size < LINGER_BYTES:
                    part, more = await self._part()
                    size += len(part)
        except (TimeoutError, Gone):
            self._unread = False

    async def _part(self) -> tuple[bytes, bool]:
        """The next part, and whether more follow."""
        message = await self._receive()
        if message["type"] != "http.request":
            self._unread = False
            raise Gone
        self._unread = bool(message.get("more_body"))
        return message.get("body", b""), self._unread
