"""Callers that leave: at any byte, at any moment, by the thousand; they leave nothing behind and harm nobody."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import struct
from contextlib import ExitStack, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from gateway.testing.processes import GatewayProcess
from tests.acceptance.stage import LOOKUP, PURPOSE, Figures, ask
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.stage import Centre

RST_ON_CLOSE = struct.pack("ii", 1, 0)
SHORT, LONG, WAVE = 5_000, 50_000, 500
AT_ONCE = 100
LONGEST_STAY = 0.15
"""Seconds the most patient of them stays: long enough to be queued, sent, or waiting for the centre."""

PLACES = 64
CONFIG = f"""
[plugins]
enabled = ["metrics"]

[centre]
connect_timeout = 20
deadline = 30

[centre.limiter]
objective = 60  # a hanging centre is not taken for silent: places are what is counted here
initial = {PLACES}

[centre.breaker]
minimum = 100_000
in_a_row = 100_000
"""
"""So that most of those who leave are at the centre by then, and the others in the queue.

Patient, so that a busy machine is not taken for a failing centre.
"""

SLACK_KB = 12_288
"""Memory an allocator may keep beside what is in use: a leak of 5 kB a call is more."""

MORE_ROUNDS = 3
"""An allocator takes a step once, the more when a busy machine lets callers pile up; a leak grows in each round."""

SPARE_THREADS = 8
"""Threads by which pools grow when many come at once: a leak of one in three hundred callers is more."""

SPARE_TASKS = 8
"""Tasks that come and go with the gateway's periodic work, and the scrape that counts them."""

SPARE = 4
"""Descriptors that come and go with the centre's pooled connections and the database's files."""


@pytest.fixture(scope="module")
def gateway(centre: Centre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The gateway of this module."""
    centre.behave()
    with GatewayProcess(tmp_path_factory.mktemp("leaving"), centre.url, config=CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def key(gateway: GatewayProcess) -> str:
    """The key of a desk."""
    return gateway.add_client("desk")


def request_of(nik: str, key: str) -> bytes:
    """A whole question as it goes over the wire."""
    body = json.dumps({"nik": nik, "purpose": PURPOSE}).encode()
    head = (
        f"POST {LOOKUP} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def cut(sock: socket.socket, *, hard: bool) -> None:
    """Leave: by a reset, or by closing."""
    if hard:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
    sock.close()


def well_formed(number: int) -> str:
    """One of 81,000 NIKs that have the right form; few of them belong to anybody."""
    number %= 81_000
    return f"35270{number // 9_000 + 1:01d}0101{number % 60:02d}{number % 9_000 + 1:04d}"


async def leave_one(address: tuple[str, int], request: bytes, stay: float) -> None:
    """Ask and leave with a reset, wherever the question is by then."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    with suppress(TimeoutError):
        await asyncio.wait_for(reader.read(1), stay)
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
    writer.transport.abort()


async def leave_many(address: tuple[str, int], key: str, numbers: range, rng: random.Random) -> None:
    """So many callers that ask and leave, some at once."""
    waiting = iter([(request_of(well_formed(number), key), rng.uniform(0.0, LONGEST_STAY)) for number in numbers])

    async def one_after_another() -> None:
        for request, stay in waiting:
            await leave_one(address, request, stay)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


def come_and_go(gateway: GatewayProcess, centre: Centre, key: str, numbers: range) -> Figures:
    """Have callers ask about these numbers and leave, wave by wave; the gateway's figures after the last.

    A wave begins when the one before is digested: how many a machine can take at once is not the question here.
    """
    place = urlsplit(gateway.url)
    address = (place.hostname or "", place.port or 0)
    figures = Figures.of(gateway.pid)
    for begin in range(numbers.start, numbers.stop, WAVE):
        wave = range(begin, min(begin + WAVE, numbers.stop))
        asyncio.run(leave_many(address, key, wave, random.Random(begin)))
        figures = settled(gateway, centre, key)
    return figures


def settled(gateway: GatewayProcess, centre: Centre, key: str) -> Figures:
    """The gateway's figures once nobody waits any more, at the centre or here."""

    def calm() -> bool:
        services = json.loads(gateway.get("/v1/services", key=key)[2])["services"]
        return not any(service["queue"] for service in services) and centre.stats()["connections"] <= SPARE

    eventually(calm, 15.0, "nobody waits any more")
    return Figures.of(gateway.pid)


def fill_places(gateway: GatewayProcess, centre: Centre, key: str, numbers: range) -> None:
    """Have so many callers ask the hanging centre at once, and leave when all of their calls have arrived there.

    Raises:
        AssertionError: Some never arrive, for their places at the centre are lost.
    """
    place, before = urlsplit(gateway.url), centre.calls
    with ExitStack() as callers:
        for number in numbers:
            sock = callers.enter_context(socket.create_connection((place.hostname, place.port), timeout=5))
            sock.sendall(request_of(well_formed(number), key))
        eventually(lambda: centre.calls - before == len(numbers), 8.0, "every place at the centre can be taken")
    settled(gateway, centre, key)


def tasks_of(gateway: GatewayProcess) -> int:
    """Tasks of the gateway's event loop."""
    found = re.search(
        r"^siak_gateway_tasks (\d+)", urlopen(f"{gateway.operator}/metrics").read().decode(), re.MULTILINE
    )
    assert found is not None
    return int(found[1])


def check_cancelled(gateway: GatewayProcess, centre: Centre, key: str, count: int) -> dict[str, object]:
    """The fact both lengths prove; its figures."""
    nik, unasked = centre.niks(1)[0], centre.niks(2, "moved")[count == LONG]
    centre.behave()
    assert ask(gateway, key, nik).status == 200
    centre.behave(mode="hang")
    before = come_and_go(gateway, centre, key, range(count // 2))
    tasks = tasks_of(gateway)
    earlier, after = before, come_and_go(gateway, centre, key, range(count // 2, count))
    for begin in range(count, count + MORE_ROUNDS * count // 2, count // 2):
        if after.resident - earlier.resident > SLACK_KB:
            earlier, after = after, come_and_go(gateway, centre, key, range(begin, begin + count // 2))
    fill_places(gateway, centre, key, range(5 * count, 5 * count + PLACES - 1))  # one is the follower's
    assert ask(gateway, key, nik).body["source"] == "cache"
    centre.behave()
    eventually(lambda: ask(gateway, key, unasked).body.get("source") == "centre", 5.0, "fresh answers")
    eventually(
        lambda: Figures.of(gateway.pid).descriptors <= before.descriptors + SPARE, 10.0, "no socket of those who left"
    )
    assert after.threads <= before.threads + SPARE_THREADS
    assert after.resident - earlier.resident <= SLACK_KB, (before, earlier, after)
    eventually(lambda: tasks_of(gateway) <= tasks + SPARE_TASKS, 10.0, "no task of those who left")
    return {
        "callers": count,
        "kB grown over the last half": after.resident - earlier.resident,
        "descriptors": f"{before.descriptors} → {Figures.of(gateway.pid).descriptors}",
        "threads": f"{before.threads} → {after.threads}",
        "tasks": f"{tasks} → {tasks_of(gateway)}",
    }


def test_cancelled_calls_leave_nothing_behind(gateway: GatewayProcess, centre: Centre, key: str) -> None:
    """After thousands of callers left a hanging centre's gateway, sockets, threads and memory are as before."""
    check_cancelled(gateway, centre, key, SHORT)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_fifty_thousand_cancelled_calls_leave_nothing_behind(
    gateway: GatewayProcess, centre: Centre, key: str, record_property: Callable[[str, object], None]
) -> None:
    """After 50,000 callers left a hanging centre's gateway, sockets, tasks, threads and memory are as before."""
    for name, value in check_cancelled(gateway, centre, key, LONG).items():
        record_property(name, value)


class GoodCaller:
    """Somebody who asks all the time while a block runs; `failed` holds every answer that was not right."""

    def __init__(self, gateway: GatewayProcess, key: str, nik: str) -> None:
        self._asking = (gateway, key, nik)
        self._stop = Event()
        self._thread = Thread(target=self._go_on)
        self.served = 0
        self.failed: list[object] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._stop.is_set():
            try:
                answer = ask(*self._asking)
            except OSError as error:
                self.failed.append(error)
                continue
            if answer.status == 200 and answer.nik == self._asking[2]:
                self.served += 1
            else:
                self.failed.append(answer)


@pytest.mark.parametrize("hard", [True, False], ids=["reset", "close"])
@pytest.mark.parametrize("kept_alive", [False, True], ids=["first", "second"])
def test_leaving_at_any_byte_harms_nobody(
    gateway: GatewayProcess, centre: Centre, key: str, *, hard: bool, kept_alive: bool
) -> None:
    """A caller that leaves after any byte of its first or second request on a connection costs nobody an answer."""
    centre.behave()
    nik, other = centre.niks(2)
    assert [ask(gateway, key, each).status for each in (nik, other)] == [200, 200]
    place = urlsplit(gateway.url)
    request = request_of(other, key)
    before = Figures.of(gateway.pid)
    with GoodCaller(gateway, key, nik) as good:
        for upto in range(len(request) + 1):
            sock = socket.create_connection((place.hostname, place.port), timeout=5)
            if kept_alive:
                sock.sendall(request)
                assert sock.recv(65_536).startswith(b"HTTP/1.1 200")
            sock.sendall(request[:upto])
            cut(sock, hard=hard)
    assert not good.failed
    assert good.served > 0
    eventually(
        lambda: abs(Figures.of(gateway.pid).descriptors - before.descriptors) <= SPARE, 5.0, "all sockets are closed"
    )
    assert "http.request.failed" not in gateway.log()
