"""One keep-alive connection of the load generator, lent to one try at a time."""

from __future__ import annotations

import asyncio
import re
from typing import Protocol, cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"


class Borrower(Protocol):
    """A try that waits for an answer on a connection."""

    def answered(self, status: int, body: bytes) -> None:
        """The answer is whole; the connection is given back already if it can be used again."""

    def broken(self) -> None:
        """The connection ended before the answer was whole."""


class Line(asyncio.Protocol):
    """A connection; puts itself into `idle` when it can be used again, and leaves it when it ends.

    Args:
        idle: Connections that wait for a borrower, the latest last.
    """

    def __init__(self, idle: dict[Line, None]) -> None:
        self._idle = idle
        self._borrower: Borrower | None = None
        self._got = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, borrower: Borrower, request: bytes) -> None:
        """Send a request for a borrower."""
        self._borrower, self._got = borrower, b""
        if self._transport is None:
            self._drop()
        else:
            self._transport.write(request)

    def rest(self) -> None:
        """Wait among the idle ones."""
        if self._transport is not None and not self._transport.is_closing():
            self._idle[self] = None

    def hang_up(self) -> None:
        """Close, as a citizen who leaves; the borrower is not told."""
        self._borrower = None
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or self._borrower is None or not _is_whole(head, body):
            return
        borrower, self._borrower = self._borrower, None
        if b"connection: close" in head.lower():
            self.hang_up()
        else:
            self.rest()
        borrower.answered(int(head[9:12]), body)

    def connection_lost(self, _: Exception | None) -> None:
        """Leave the idle ones; tell the borrower."""
        self._transport = None
        self._idle.pop(self, None)
        self._drop()

    def _drop(self) -> None:
        if self._borrower is not None:
            borrower, self._borrower = self._borrower, None
            borrower.broken()


def _is_whole(head: bytes, body: bytes) -> bool:
    found = _LENGTH.search(head)
    return len(body) >= int(found[1]) if found else body.endswith(_LAST_CHUNK)
