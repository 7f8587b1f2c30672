"""The load generator that needs nothing installed: keep-alive connections on one uvloop, in a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator


class Connection(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it has its answer."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float], errors: list[int]) -> None:
        self._requests = requests
        self._latencies = latencies
        self._errors = errors
        self._buffer = b""
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first question."""
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take what came; ask again once the answer is whole."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._latencies.append(time.perf_counter() - self._started)
        self._errors[0] += not head.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2"))
        self._buffer = b""
        self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        """A server that hangs up during the run is an error."""
        self._errors[0] += 1

    def _ask(self) -> None:
        self._started = time.perf_counter()
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(next(self._requests))


def endless(start: str, lines: list[str], unique: str) -> Iterator[bytes]:
    """The requests, in order and again from the start; the header field `unique` has another value each time."""
    run = secrets.token_hex(8)
    for count, line in enumerate(itertools.cycle(lines)):
        field = f"{unique}: {run}{count}\r\n" if unique else ""
        yield f"{start}{field}Content-Length: {len(line.encode())}\r\n\r\n{line}".encode()


async def main(url: str, bodies: str, headers: str, connections: int, seconds: float, unique: str) -> None:
    """Run the load and print one JSON object."""
    place = urlsplit(url)
    fields = "".join(f"{name}: {value}\r\n" for name, value in json.loads(headers).items())
    lines = (await asyncio.to_thread(Path(bodies).read_text, "utf-8")).splitlines()
    start = f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n{fields}"
    requests = endless(start, lines, unique)
    latencies: list[float] = []
    errors = [0]
    loop = asyncio.get_running_loop()
    transports = [
        (
            await loop.create_connection(
                lambda: Connection(requests, latencies, errors), place.hostname or "", place.port or 80
            )
        )[0]
        for _ in range(connections)
    ]
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - started
    found = errors[0]
    for transport in transports:
        transport.abort()
    latencies.sort()
    print(
        json.dumps(
            {
                "rate": len(latencies) / elapsed,
                "p50": 1000 * latencies[len(latencies) // 2],
                "p99": 1000 * latencies[len(latencies) * 99 // 100],
                "errors": found,
            }
        )
    )


uvloop.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), sys.argv[6]))
