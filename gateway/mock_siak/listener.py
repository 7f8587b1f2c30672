"""A listening port that can be open, refuse, or let connects time out, without ever losing its number.

The port is reserved by a bound socket that never listens, so no other process can take it while it is closed.
*Choked*: the accept queue of a socket with backlog 0 is filled by connections of our own; the kernel then drops every
further SYN, which is exactly what a caller sees when the way to the centre is cut: connect() times out.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BACKLOG = 4096
_FILLERS = 4
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Listener:
    """One port; `open`, `refuse` and `choke` may follow each other in any order."""

    def __init__(self, host: str, port: int, factory: Callable[[], asyncio.Protocol]) -> None:
        """Reserve the port; 0 takes a free one.

        Raises:
            OSError: The port is taken or the address is not of this machine.
        """
        self._host = host
        self._factory = factory
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._keeper = self._bound(port)
        self.port: int = self._keeper.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._twin: socket.socket | None = None
        self._choking: list[socket.socket] = []

    @property
    def url(self) -> str:
        """Where clients reach it, without a trailing slash."""
        host = _ANY.get(self._host, self._host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def open(self) -> None:
        """Accept connections."""
        if self._server is not None:
            return
        self.refuse()
        listening = self._bound(self.port)
        self._twin = listening.dup()
        self._server = await asyncio.get_running_loop().create_server(self._factory, sock=listening, backlog=_BACKLOG)

    def refuse(self) -> None:
        """Stop listening: connects are refused from now on, whenever the loop gets round to closing its own handle."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._twin is not None:
            self._twin.shutdown(socket.SHUT_RDWR)
            self._twin.close()
            self._twin = None
        while self._choking:
            self._choking.pop().close()

    def choke(self) -> None:
        """Let connects time out from now on."""
        if self._choking:
            return
        self.refuse()
        full = self._bound(self.port)
        full.listen(0)
        self._choking = [*(self._filler() for _ in range(_FILLERS)), full]

    def close(self) -> None:
        """Give the port back."""
        self.refuse()
        self._keeper.close()

    def _bound(self, port: int) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            sock.settimeout(0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self._host, port))
        except OSError:
            sock.close()
            raise
        return sock

    def _filler(self) -> socket.socket:
        """A connection of our own that takes a place in the accept queue."""
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        sock.settimeout(0)
        sock.connect_ex((_ANY.get(self._host, self._host), self.port))
        return sock
