"""A mock centre on real sockets in a thread of its own, and the small client the tests of this room ask it with."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest
import uvloop

from gateway.mock_siak import Account, Behaviour, MockSettings, MockSiak, parse_behaviour
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.mock_siak import Addresses

SECRET = "marked-secret"
FULL = Account(
    path="35-27/dinas", user_id="dinas", password=SECRET, kinds=("biodata", "kk", "verify"), quota_shown=True
)


class Client:
    """One plain socket to a port; reads whole HTTP answers."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        """Connect."""
        where = urlsplit(url)
        self.sock = socket.create_connection((where.hostname or "", where.port or 0), timeout=timeout)
        self._stream = self.sock.makefile("rb")

    def send(self, data: bytes) -> None:
        """Write bytes."""
        self.sock.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer.

        Raises:
            EOFError: The connection ended instead.
        """
        line = self._stream.readline()
        if not line:
            raise EOFError
        headers = dict[str, str]()
        while (row := self._stream.readline()) not in (b"\r\n", b""):
            name, _, value = row.decode().partition(":")
            headers[name.lower()] = value.strip()
        return int(line.split()[1]), headers, self._stream.read(int(headers["content-length"]))

    def rest(self) -> bytes:
        """Everything until the connection ends."""
        return self._stream.read()

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self.sock.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.close()


def request_bytes(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """A request with a content length."""
    lines = [f"{method} {path} HTTP/1.1", "Host: centre", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Rig:
    """A mock centre in a thread; everything on it may be called from the test's thread."""

    def __init__(self, settings: MockSettings) -> None:
        """Start it and wait until both ports answer."""
        self.mock = MockSiak(settings)
        self.account = self.mock.directory.accounts[0]
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        try:
            self.addresses: Addresses = self.run(self.mock.start())
        except BaseException:
            self.close()
            raise

    def run(self, work: Any) -> Any:
        """Await something on the mock's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def behave(self, **values: Any) -> None:
        """Put a behaviour, given as its document."""
        self.run(self.mock.set_behaviour(parse_behaviour(values)))

    def client(self, timeout: float = 5.0) -> Client:
        """A connection to the centre's port."""
        return Client(self.addresses.url, timeout)

    def remote(self) -> Client:
        """A connection to the control port."""
        return Client(self.addresses.control_url)

    def question(self, nik: str, method: str = "CALL_NIK", account: Account | None = None, **extra: Any) -> bytes:
        """A well-formed call."""
        who = account or self.account
        body = {"nik": nik, "user_id": who.user_id, "password": who.password, "ip_user": "127.0.0.1", **extra}
        path = f"/dukcapil/get_json/{who.path}/{method}"
        return request_bytes("POST", path, json.dumps(body).encode(), "Content-Type: application/json")

    def ask(self, nik: str, method: str = "CALL_NIK", account: Account | None = None, **extra: Any) -> Any:
        """The decoded answer to a call on a connection of its own."""
        with self.client() as client:
            client.send(self.question(nik, method, account, **extra))
            return json.loads(client.answer()[2])

    def control(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and document of a control request."""
        with self.remote() as client:
            client.send(request_bytes(method, path, b"" if body is None else json.dumps(body).encode()))
            status, _, answer = client.answer()
            return status, json.loads(answer)

    def nik(self, group: str = "active") -> str:
        """A NIK of a group of samples."""
        return self.mock.population.samples(group)[0]

    def arrived(self, calls: int) -> bool:
        """Whether that many calls have reached the centre."""
        return self.mock.stats.arrived == calls

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds on the mock's loop."""

        async def watch() -> None:
            held = asyncio.Event()

            def look() -> None:
                if holds():
                    held.set()
                else:
                    self._loop.call_soon(look)

            look()
            await asyncio.wait_for(held.wait(), PATIENCE)

        self.run(watch())

    def close(self) -> None:
        """Stop the mock and its thread; once is enough."""
        if self._loop.is_closed():
            return
        self.run(self.mock.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


Start = Callable[..., Rig]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts mock centres (small population, one full account unless told otherwise) and stops them afterwards."""
    with contextlib.ExitStack() as rigs:

        def started(**values: Any) -> Rig:
            settings = MockSettings(**{"population": 400, "accounts": (FULL,), **values})
            rig = Rig(settings)
            rigs.callback(rig.close)
            return rig

        yield started


@pytest.fixture
def rig(start: Start) -> Rig:
    """A mock centre that answers at once."""
    return start(behaviour=Behaviour())
