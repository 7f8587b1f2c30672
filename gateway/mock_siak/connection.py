"""One accepted connection: reads requests one at a time, in order, and can misbehave on demand.

Whoever handles a request answers it with exactly one of `reply`, `drip`, `reset` or `swallow`, at once or later;
pipelined requests wait until then. A client that leaves before its answer is reported as having abandoned it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Protocol, cast

from gateway.mock_siak.http1 import MAX_BODY, MAX_HEAD, BadRequest, Reader, response

if TYPE_CHECKING:
    from gateway.mock_siak.http1 import Request

_RST_ON_CLOSE = struct.pack("ii", 1, 0)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
"""A fatal TLS alert, handshake_failure."""


class Handler(Protocol):
    """Whatever stands behind a listening socket."""

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer `request` on `connection`, now or later."""

    def hears(self) -> bool:
        """Whether bytes that arrive are looked at; if not they vanish, as when the way there is cut."""

    def speaks(self) -> bool:
        """Whether answers go out; if not the caller waits for ever."""

    def abandoned(self) -> None:
        """The client left before its answer."""


class Connection(asyncio.Protocol):
    """The server's end of a TCP connection; registered in `peers` while it is open."""

    def __init__(self, handler: Handler, peers: set[Connection]) -> None:
        self._handler = handler
        self._peers = peers
        self._reader = Reader()
        self._busy = False
        self._pumping = False
        self._keep_alive = True
        self._bodiless = False
        self._transport: asyncio.Transport | None = None
        self._dripping: asyncio.TimerHandle | None = None
        self.swallowed = False

    @property
    def keep_alive(self) -> bool:
        """Whether the request being answered lets the connection stay open."""
        return self._keep_alive

    @property
    def attended(self) -> bool:
        """Whether somebody is still there to take an answer."""
        return self._transport is not None and not self.swallowed and self._handler.speaks()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register with the peers."""
        self._transport = cast("asyncio.Transport", transport)
        self._peers.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Deregister; an unanswered request counts as abandoned."""
        self._transport = None
        self._peers.discard(self)
        if self._dripping:
            self._dripping.cancel()
        if self._busy:
            self._handler.abandoned()

    def data_received(self, data: bytes) -> None:
        """Read on, unless nobody listens any more or more is waiting than one request may hold."""
        if self.swallowed or not self._handler.hears():
            self.swallowed = True
            return
        self._reader.feed(data)
        self._pump()
        if self._transport and self._reader.buffered > 2 * (MAX_BODY + MAX_HEAD):
            self._transport.pause_reading()

    def reply(self, answer: bytes, *, close: bool = False) -> None:
        """Send a complete answer and go on with the next request, or close."""
        if self._transport is None or self._is_mute():
            return
        if self._bodiless:
            head, end, _ = answer.partition(b"\r\n\r\n")
            answer = head + end
        self._transport.write(answer)
        self._busy = False
        if close or not self._keep_alive:
            self._transport.close()
        elif not self._pumping:
            self._transport.resume_reading()
            self._pump()

    def drip(self, answer: bytes, seconds: float, at: int = 0) -> None:
        """Send the head at once and then one byte every `seconds`."""
        self._dripping = None
        if self._transport is None or self._is_mute():
            return
        upto = at + 1 if at else answer.index(b"\r\n\r\n") + 4
        if upto >= len(answer):
            self.reply(answer[at:])
            return
        self._transport.write(answer[at:upto])
        self._dripping = asyncio.get_running_loop().call_later(seconds, self.drip, answer, seconds, upto)

    def reset(self) -> None:
        """Break the connection off with RST."""
        self._busy = False
        if self._transport is None:
            return
        sock = cast("socket.socket", self._transport.get_extra_info("socket"))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        self._transport.abort()

    def swallow(self) -> None:
        """Never answer anything on this connection again."""
        self.swallowed = True

    def _is_mute(self) -> bool:
        """Swallow the request when its answer may not go out."""
        if not self._handler.speaks():
            self.swallowed = True
        return self.swallowed

    def _pump(self) -> None:
        """Hand out requests until one is not answered at once or bytes are missing."""
        self._pumping = True
        try:
            while not (self._busy or self.swallowed or self._transport is None or self._transport.is_closing()):
                request = self._reader.next_request()
                if request is None:
                    self._nudge()
                    return
                self._busy = True
                self._keep_alive = request.keep_alive
                self._bodiless = request.method == "HEAD"
                self._handler.handle(self, request)
        except BadRequest as fault:
            self._refuse(fault)
        finally:
            self._pumping = False

    def _nudge(self) -> None:
        """Tell a client that waits for it to send its body; answer TLS to TLS."""
        if self._transport is None:
            return
        if self._reader.begins_like_tls():
            self.reply(TLS_ALERT, close=True)
        elif self._reader.awaits_continue():
            self._transport.write(_CONTINUE)

    def _refuse(self, fault: BadRequest) -> None:
        page = f"<html><body><h1>HTTP Status {fault.status.value} - {fault.status.phrase}</h1></body></html>".encode()
        self.reply(response(fault.status, page, content_type=b"text/html;charset=utf-8", keep_alive=False), close=True)
