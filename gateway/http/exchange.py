"""One request and its answer, whatever the server speaks: RSGI under Granian, ASGI under uvicorn.

RSGI hands over the request as it lies in the server's memory and takes the answer in one call: a third of the cost of
ASGI's dictionaries and messages, which is why Granian is spoken to in it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

Fields = list[tuple[str, str]]
"""Header fields in order, names in lower case."""


UNREADABLE = "\ufffd"
"""Stands for the value of a header field that holds more than ASCII."""


class Gone(Exception):  # not an error: the caller left
    """The caller closed the connection before its request was whole, or broke off its body's chunks."""


SLOWEST: Final = 20.0
"""Seconds a caller has to take one piece of a stream, beyond what lies in buffers; longer, and it is let go."""


class TooSlow(Gone):
    """The caller is there, and does not read."""


async def _taken(sending: Awaitable[object]) -> None:
    """Wait until a piece was taken.

    Raises:
        TooSlow: It was not, for too long.
    """
    try:
        async with asyncio.timeout(SLOWEST):
            await sending
    except TimeoutError:
        raise TooSlow from None


class Exchange(Protocol):
    """What the application sees of a request.

    Attributes:
        method: HTTP method.
        path: Path, percent-decoded.
        query: Query string as sent.
    """

    method: str
    path: str
    query: str

    def fields(self) -> Fields:
        """The header fields; under RSGI one that is not ASCII has the value `UNREADABLE`."""

    def peer(self) -> str:
        """The address of who opened the connection, without its port; empty where it is not known."""

    async def whole(self) -> bytes:
        """The whole body, unbounded: only for one whose declared length was checked.

        Raises:
            Gone: The caller left before it was whole.
        """

    def pieces(self) -> AsyncIterator[bytes]:
        """The body piece by piece.

        Raises:
            Gone: While iterated over: the caller left before it was whole, or what came is no chunked body.
        """

    async def left(self) -> None:
        """Return once the caller closed the connection."""

    async def answer(self, status: int, fields: Fields, body: bytes) -> None:
        """Send the answer, without its body where the method is HEAD; nothing happens if the caller left."""

    async def stream(self, status: int, fields: Fields, pieces: AsyncIterator[bytes]) -> None:
        """Send the answer piece by piece.

        Raises:
            Gone: The caller left, or (`TooSlow`) reads no more.
        """


class RsgiExchange:
    """An exchange in Granian's own interface.

    Args:
        scope: The request's head.
        protocol: Its body and its answer.
    """

    __slots__ = ("_protocol", "_scope", "method", "path", "query")

    def __init__(self, scope: Any, protocol: Any) -> None:
        self._scope = scope
        self._protocol = protocol
        self.method: str = scope.method
        self.path: str = scope.path
        self.query: str = scope.query_string

    def fields(self) -> Fields:
        """The header fields."""
        headers = self._scope.headers
        found: Fields = headers.items()
        names = dict(found)
        if len(headers) != len(names):  # Granian leaves out values that are not ASCII
            found += [(name, UNREADABLE) for name in headers.keys() if name not in names]  # noqa: SIM118 # no mapping
        return found

    def peer(self) -> str:
        """The address of who opened the connection."""
        client: str = self._scope.client
        return client.rpartition(":")[0]

    async def whole(self) -> bytes:
        """The whole body."""
        try:
            body: bytes = await self._protocol()
        except RuntimeError:  # the base of Granian's own errors: the transport is closed
            raise Gone from None
        return body

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body piece by piece.

        Granian gives an empty piece at the end of a body, and one more before it where the body was cut off, was no
        chunked body, or has trailers: none of them is taken for whole.
        """
        is_at_end = False
        try:
            async for piece in self._protocol:
                if not piece and is_at_end:
                    raise Gone
                is_at_end = not piece
                yield piece
        except RuntimeError:
            raise Gone from None

    async def left(self) -> None:
        """Return once the caller closed the connection."""
        await self._protocol.client_disconnect()

    async def answer(self, status: int, fields: Fields, body: bytes) -> None:
        """Hand the answer to the server."""
        if self.method == "HEAD":
            fields.append(("content-length", str(len(body))))
            self._protocol.response_empty(status, fields)
        else:
            self._protocol.response_bytes(status, fields, body)

    async def stream(self, status: int, fields: Fields, pieces: AsyncIterator[bytes]) -> None:
        """Hand the pieces to the server."""
        transport = self._protocol.response_stream(status, fields)
        try:
            async for piece in pieces:
                await _taken(transport.send_bytes(piece))
        except RuntimeError as error:
            if type(error) is RuntimeError:  # not Granian's own, which derive from it
                raise
            raise Gone from None


class AsgiExchange:
    """An exchange in ASGI.

    Args:
        scope: The request's head.
        receive: Gives the body's messages.
        send: Takes the answer's.
    """

    __slots__ = ("_receive", "_scope", "_send", "method", "path", "query")

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")

    def fields(self) -> Fields:
        """The header fields."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._scope["headers"]]

    def peer(self) -> str:
        """The address of who opened the connection."""
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    async def whole(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body piece by piece."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                raise Gone
            more = bool(message.get("more_body"))
            yield message.get("body", b"")

    async def left(self) -> None:
        """Return once the caller closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, status: int, fields: Fields, body: bytes) -> None:
        """Send the answer's two messages."""
        named = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        named.append((b"content-length", b"%d" % len(body)))
        await self._send({"type": "http.response.start", "status": status, "headers": named})
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else body})

    async def stream(self, status: int, fields: Fields, pieces: AsyncIterator[bytes]) -> None:
        """Send a message for each piece."""
        named = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        await self._send({"type": "http.response.start", "status": status, "headers": named})
        try:
            async for piece in pieces:
                await _taken(self._send({"type": "http.response.body", "body": piece, "more_body": True}))
            await self._send({"type": "http.response.body", "body": b""})
        except OSError:
            raise Gone from None
