"""httpx's transport interface on aiohttp's engine, and a leaner method of its own for the hot path.

```
CentreClient ─► exchange(Outgoing, seconds) ─┐                       raises the contract's errors
httpx.AsyncClient ─► handle_async_request ───┴─► attempt ─► _Pool    raises httpx's errors
```

The pool is aiohttp's connector (resolver, happy eyeballs, TLS, keep-alive) and each connection speaks through aiohttp's
protocol and parser. Its `ClientSession` is left out: it would resend a GET or PUT by itself, keep cookies, follow
redirects, and cost half of the call.

What it guarantees beyond either library:
- One total deadline over waiting, connecting, sending and a dripping body; no cookies, redirects, proxies from the
  environment or decompression; nothing is ever sent twice by itself.
- Bounds on a body, on all that comes over the wire for one reply (header fields, chunk extensions), and on interim
  replies: whoever floods us is cut off, and holds nobody else up.
- *Not sent* is said only of what failed before a connection was handed over; all else is *unknown*.
- A pooled connection is used again only if it is open and silent at that moment: what a server said unasked must not
  become the answer to the next question.
- However an attempt ends, its place is given back, and a connection that is not known to be clean is cut at once.
"""

from __future__ import annotations

import asyncio
import math
import select
import ssl
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import aiohttp
import httpx
import msgspec
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from gateway.centre.reach import factory_of
from gateway.centre.transport_errors import (
    MAPPED,
    Failure,
    LostConnection,
    RefusedReply,
    Stage,
    UnsafeRequest,
    failure_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import StreamReader
    from aiohttp.connector import Connection

_DNS_SECONDS: Final = 30
_ORIGINS: Final = 256
_FINAL_STATUS: Final = 200
_SWITCHING: Final = 101
_INTERIM_REPLIES: Final = 8
_FRAMING: Final = 262_144
_SPACES: Final = 2
_OWN_HEADERS: Final = frozenset({b"accept-encoding", b"transfer-encoding", b"content-length", b"connection"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a transport; durations in seconds.

    Attributes:
        connections: Open connections at most.
        connect_timeout: Resolver, TCP and TLS together.
        idle: An unused connection is closed after this.
        max_response_bytes: A larger body is refused.
        total: Deadline of an exchange made through httpx; `exchange` is given its own.
    """

    connections: int = 32
    connect_timeout: float = 5.0
    idle: float = 30.0
    max_response_bytes: int = 2_097_152
    total: float = 10.0


class Outgoing(msgspec.Struct, frozen=True):
    """A request; its `repr` shows no address or content, which may be personal.

    Attributes:
        method: HTTP method in upper case.
        origin: Scheme, host and, where it is not the scheme's own, port.
        target: Path and query, percent-encoded.
        headers: Header fields, without `Host`, length and encodings.
        body: Body, or None.
    """

    method: str
    origin: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"Outgoing(method={self.method!r}, origin={self.origin!r})"


class Incoming(msgspec.Struct, frozen=True):
    """A complete reply; its `repr` shows no content.

    Attributes:
        status: HTTP status.
        content_type: `Content-Type`, empty if there is none.
        body: The body as received.
        headers: All header fields as received.
    """

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def __repr__(self) -> str:
        return f"Incoming(status={self.status!r}, content_type={self.content_type!r})"


class _Bounded(ResponseHandler):
    """A connection that hears no more than it was allowed to.

    Attributes:
        left: Bytes it may still hear; below zero once the server said too much and was cut off.
    """

    left = _FRAMING

    def data_received(self, data: bytes) -> None:
        """Take in what came, unless it is too much."""
        self.left -= len(data)
        if self.left >= 0:
            super().data_received(data)
        elif self.transport is not None:
            self.transport.abort()


class _Pool(aiohttp.TCPConnector):
    """Lends only connections that are open and silent."""

    def __init__(self, limits: Limits, context: ssl.SSLContext | None, allow: Iterable[str] | None) -> None:
        super().__init__(
            limit=0,
            keepalive_timeout=limits.idle,
            ttl_dns_cache=_DNS_SECONDS,
            ssl=True if context is None else context,
            socket_factory=factory_of(allow),
        )
        self._factory = cast("partial[ResponseHandler]", partial(_Bounded, loop=self._loop))
        seconds = limits.connect_timeout
        self._patience = aiohttp.ClientTimeout(connect=seconds, sock_connect=seconds, ceil_threshold=math.inf)
        self._origins: dict[str, aiohttp.ClientRequest] = {}
        self._eras: weakref.WeakKeyDictionary[ResponseHandler, int] = weakref.WeakKeyDictionary()
        self._era = 0

    def retire(self) -> None:
        """Use no connection again that is open now."""
        self._era += 1

    async def lend(self, origin: str) -> tuple[Connection, _Bounded, asyncio.Transport]:
        """A clean connection; a pooled one that is not is closed and the next one tried."""
        request = self._origins.get(origin) or self._request_to(origin)
        while True:
            connection = await self._connected(request)
            protocol, transport = connection.protocol, connection.transport
            if isinstance(protocol, _Bounded) and transport is not None and self._is_clean(protocol, transport):
                return connection, protocol, transport
            is_new = protocol not in self._eras
            connection.close()
            if is_new:
                raise LostConnection("the server closed, or spoke before it was asked")

    def _is_clean(self, protocol: ResponseHandler, transport: asyncio.Transport) -> bool:
        """Open, nothing said unasked, not retired; a new TLS connection may have session tickets to read."""
        if protocol.should_close or transport.is_closing():
            return False
        if protocol not in self._eras:
            self._eras[protocol] = self._era
            return True
        return self._eras[protocol] == self._era and not _has_unread(transport)

    async def _connected(self, request: aiohttp.ClientRequest) -> Connection:
        try:
            return await self.connect(request, [], self._patience)
        except UnicodeError as error:
            raise UnsafeRequest("the host's name cannot be resolved by any resolver") from error

    def _request_to(self, origin: str) -> aiohttp.ClientRequest:
        """What the connector wants to know of an origin; made once, for it is as dear as a call."""
        if len(self._origins) >= _ORIGINS:
            self._origins.clear()
        try:
            request = self._origins[origin] = aiohttp.ClientRequest("GET", URL(origin), loop=self._loop)
        except ValueError as error:
            raise UnsafeRequest("the address names no host") from error
        return request


def _has_unread(transport: asyncio.Transport) -> bool:
    """Whether the socket holds bytes, an end or an error that the loop has not seen yet."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))


class CentreTransport(httpx.AsyncBaseTransport):
    """One pool of connections within `Limits`; opened by first use, or by `open` to find a bad CA file early.

    Args:
        limits: Bounds.
        ca_file: PEM file of the authorities to trust; the system's if left out.
        allow: Networks to connect to beside public addresses; None for anywhere.
    """

    def __init__(self, limits: Limits, *, ca_file: str | None = None, allow: Iterable[str] | None = None) -> None:
        self._limits = limits
        self._allow = allow
        self._ca_file = ca_file
        self._places = asyncio.Semaphore(limits.connections)
        self._pool: _Pool | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Make the pool ready.

        Raises:
            OSError: The CA file cannot be read or holds no certificate (`ssl.SSLError`).
        """
        self._opened()

    async def aclose(self) -> None:
        """Close all connections for good; exchanges under way and later ones fail."""
        self._is_closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    def retire(self) -> None:
        """Use no connection again that is open now: one of them has mixed up its replies."""
        if self._pool is not None:
            self._pool.retire()

    async def exchange(self, outgoing: Outgoing, seconds: float) -> Incoming:
        """Send a request and read the whole reply within `seconds`.

        Raises:
            GatewayError: As drawn in `transport_errors`.
        """
        result = await self._attempt(outgoing, seconds)
        if isinstance(result, Failure):
            raise result.as_gateway_error()
        return result

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The same for httpx; its read timeout, where shorter, stands for the total deadline.

        Raises:
            httpx.TransportError: As drawn in `transport_errors`.
        """
        read = request.extensions.get("timeout", {}).get("read")
        seconds = self._limits.total if read is None else min(read, self._limits.total)
        result = await self._attempt(_outgoing(request, await request.aread()), seconds)
        if isinstance(result, Failure):
            raise result.as_httpx_error(request)
        return httpx.Response(result.status, headers=list(result.headers), content=result.body, request=request)

    async def _attempt(self, outgoing: Outgoing, seconds: float) -> Incoming | Failure:
        """One try; a failure is returned, so that the error raised of it drags no engine error along."""
        attempt = _Attempt()
        try:
            async with asyncio.timeout(seconds), self._places:
                return await self._send(attempt, outgoing)
        except MAPPED as error:
            return failure_of(error, attempt.stage)

    async def _send(self, attempt: _Attempt, outgoing: Outgoing) -> Incoming:
        message = _encoded(outgoing)
        attempt.stage = Stage.CONNECTING
        connection, protocol, transport = await self._opened().lend(outgoing.origin)
        try:
            attempt.stage = Stage.HANDED_OVER
            protocol.left = 2 * self._limits.max_response_bytes + _FRAMING
            protocol.set_response_params(
                skip_payload=outgoing.method == "HEAD", read_until_eof=True, auto_decompress=False
            )
            transport.write(message)
            incoming = await self._heard(protocol)
            if transport.get_write_buffer_size():  # it replied before it had heard us out
                protocol.force_close()
        except BaseException:
            transport.abort()  # at once, without waiting for its buffer or for TLS farewells
            connection.close()
            raise
        connection.release()
        return incoming

    async def _heard(self, protocol: _Bounded) -> Incoming:
        """The reply, unless its server was cut off: then whatever came of it counts for nothing."""
        try:
            incoming = await self._receive(protocol)
        except aiohttp.ClientError as error:
            if protocol.left < 0:
                raise RefusedReply("the reply takes more bytes than allowed") from error
            raise
        if protocol.left < 0:
            raise RefusedReply("the reply takes more bytes than allowed")
        return incoming

    async def _receive(self, protocol: ResponseHandler) -> Incoming:
        for _ in range(_INTERIM_REPLIES + 1):
            head, content = await protocol.read()
            if head.code >= _FINAL_STATUS or head.code == _SWITCHING:
                break
        else:
            raise RefusedReply("more interim replies than allowed")
        _check_identity(head.headers.getall("Content-Encoding", ()))
        body = await self._body(content)
        return Incoming(head.code, head.headers.get("Content-Type", ""), body, head.raw_headers)

    async def _body(self, content: StreamReader) -> bytes:
        """All of the body; one piece that is already whole, as usual, is not copied."""
        body: bytes | bytearray = await content.readany()
        while len(body) <= self._limits.max_response_bytes:
            if content.at_eof():
                return bytes(body)
            body = body if isinstance(body, bytearray) else bytearray(body)
            body += await content.readany()
        raise RefusedReply("the reply is larger than allowed")

    def _opened(self) -> _Pool:
        if self._is_closed:
            raise LostConnection("the transport is closed")
        if self._pool is None:
            context = ssl.create_default_context(cafile=self._ca_file) if self._ca_file else None
            self._pool = _Pool(self._limits, context, self._allow)
        return self._pool


class _Attempt:
    """How far one attempt has come."""

    __slots__ = ("stage",)

    def __init__(self) -> None:
        self.stage = Stage.WAITING


def _encoded(outgoing: Outgoing) -> bytes:
    """The request as it goes over the wire.

    Raises:
        UnsafeRequest: A part of it would change the shape of the message.
    """
    lines = [f"{outgoing.method} {outgoing.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in outgoing.headers]
    lines.append("Accept-Encoding: identity")
    if outgoing.body is not None:
        lines.append(f"Content-Length: {len(outgoing.body)}")
    head = "\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count("\r") != breaks or head.count("\n") != breaks or "\0" in head or lines[0].count(" ") != _SPACES:
        raise UnsafeRequest("a header field or the address holds a line break or a blank")
    try:
        return head.encode("latin-1") + b"\r\n\r\n" + (outgoing.body or b"")
    except UnicodeEncodeError:
        raise UnsafeRequest("a header field or the address holds letters beyond Latin-1") from None


def _check_identity(encodings: Iterable[str]) -> None:
    """Refuse encoded bodies: a small one may unfold to any size."""
    if any(encoding.strip().lower() not in {"", "identity"} for encoding in encodings):
        raise RefusedReply("the reply is encoded though identity was asked for")


def _outgoing(request: httpx.Request, body: bytes) -> Outgoing:
    url = request.url
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in request.headers.raw
        if name.lower() not in _OWN_HEADERS
    )
    origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
    has_body = bool(body) or request.method in {"POST", "PUT", "PATCH"}
    return Outgoing(request.method, origin, url.raw_path.decode("ascii"), headers, body if has_body else None)
