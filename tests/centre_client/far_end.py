"""A far end under the test's control: raw sockets that may refuse, stall or break at any byte."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from gateway.centre.account import Account
from gateway.centre.client import CentreClient
from gateway.contract.messages import Call, CentreService, Priority, Question
from gateway.settings.centre import CentreSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

NIK = "9171010101010001"
OTHER_NIK = "9171010101010002"
NO_KK = "9171010101200003"
SECRETS = ("marked-user", "marked-password", "marked-ip")
BIODATA = Question(CentreService.BIODATA, NIK)
FAMILY = Question(CentreService.FAMILY_CARD, NO_KK)
VERIFY = Question(CentreService.VERIFY, NIK, (("NAMA_LGKP", "SITI"), ("TGL_LHR", "01-01-1990")), 90)
ACCOUNT = Account(
    "dinas",
    {
        CentreService.BIODATA: "33-20/dinas_3320/CALL_NIK",
        CentreService.FAMILY_CARD: "33-20/dinas_3320/CALL_NIK_GET_KK",
        CentreService.VERIFY: "33-20/dinas_3320/NIK_VERIFBY_ELEMEN",
    },
    *SECRETS,
)
OLD_ACCOUNT = Account("lama", {CentreService.BIODATA: "rsud/nik"}, *SECRETS, ws=True)


class RealClock:
    """Time as it passes."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()


def page(*records: dict[str, Any], **envelope: Any) -> bytes:
    """A Spring page around records."""
    return msgspec.json.encode({"content": list(records), "lastPage": True, "sort": None} | envelope)


def biodata(nik: str = NIK) -> bytes:
    """A short biodata page with the NIK as a JSON number."""
    return page({"NIK": int(nik), "NAMA_LGKP": "SITI AMINAH"}, quotaLimiter=7)


def http_reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A complete HTTP reply with its length."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def call(question: Question = BIODATA, seconds: float = 5.0, right: str = "dinas") -> Call:
    """A call that may take `seconds` from now."""
    until = time.monotonic() + seconds
    return Call(question, right, "caller", "332001", "native", Priority.COUNTER, until, "request")


def client(url: str, **settings: Any) -> CentreClient:
    """A centre client with both kinds of account."""
    accounts = {account.right: account for account in (ACCOUNT, OLD_ACCOUNT)}
    return CentreClient(CentreSettings(url=url, **settings), accounts, RealClock())


def open_files() -> int:
    """How many file descriptors this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def settled(condition: Callable[[], bool]) -> bool:
    """Let the loop run until the condition holds, at most a few thousand turns."""
    for _ in range(5000):
        if condition():
            return True
        await asyncio.sleep(0)
    return condition()


@dataclass
class Peer:
    """One connection as the far end sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int

    async def request(self) -> bytes:
        """The next request, head and body; raises `IncompleteReadError` at the end."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        _, found, rest = head.lower().partition(b"content-length:")
        length = int(rest.split(b"\r\n")[0]) if found else 0
        return head + await self.reader.readexactly(length)

    async def until_gone(self) -> None:
        """Read and drop until the other side ends the connection."""
        with contextlib.suppress(OSError):
            while await self.reader.read(65_536):
                pass

    def reset(self) -> None:
        """Break the connection: the other side sees ECONNRESET."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class FarEnd:
    """A server on a port of its own that treats each connection as `script` says."""

    script: Callable[[Peer], Awaitable[None]]
    context: ssl.SSLContext | None = None
    connections: int = 0
    peers: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context, backlog=4096)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for peer in list(self.peers):
            peer.cancel()
        await asyncio.gather(*self.peers, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.peers.add(task)
        task.add_done_callback(self.peers.discard)
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self.script(Peer(reader, writer, self.connections))
        writer.transport.abort()


def always(reply: bytes) -> Callable[[Peer], Awaitable[None]]:
    """Answer every request with the same bytes."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            peer.writer.write(reply)

    return script
