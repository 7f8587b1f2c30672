"""The load generator: open-loop, a deadline for each try, repeats after failures, whatever the far end does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from bench.overload.generator import Load, Order
from bench.overload.questions import draw, people_in
from bench.overload.records import Ending
from bench.overload.scenario import Phase, Scenario
from bench.overload.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.overload.generator import Report
    from bench.overload.records import Try

SCENARIO = Scenario(
    "tiny", (Phase("normal", 0.8, 0.5),), workers=10, mean_seconds=0.1, villages=5, deadline=0.25, pause=0.05
)
NIKS = [f"35270101019{number:05d}" for number in range(people_in(draw(SCENARIO)))]
NO = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"
CLOSING = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Visitors:
    """Counts the open connections of a far end; `gone` is set while there are none."""

    def __init__(self) -> None:
        self._open = 0
        self.gone = asyncio.Event()
        self.gone.set()

    def change(self, by: int) -> None:
        """One more, or one less."""
        self._open += by
        if self._open:
            self.gone.clear()
        else:
            self.gone.set()


class FarEnd(asyncio.Protocol):
    """A server that answers each read with what a function makes of it; None says nothing, b"" hangs up."""

    def __init__(self, answer: Callable[[bytes], bytes | None], visitors: Visitors) -> None:
        self._answer = answer
        self._visitors = visitors

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._visitors.change(1)

    def connection_lost(self, _: Exception | None) -> None:
        """One less."""
        self._visitors.change(-1)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        said = self._answer(data)
        if said:
            self._transport.write(said)
        elif said == b"":
            self._transport.abort()


def load(answer: Callable[[bytes], bytes | None]) -> Report:
    """Run the tiny scenario against such a far end."""

    async def scene() -> Report:
        visitors = Visitors()
        server = await asyncio.get_running_loop().create_server(lambda: FarEnd(answer, visitors), "127.0.0.1", 0)
        async with server:
            report = await run_against(server.sockets[0].getsockname()[1])
            await visitors.gone.wait()
        return report

    return asyncio.run(scene())


async def run_against(port: int) -> Report:
    """Run the tiny scenario against a port of this machine."""
    target = Target(f"http://127.0.0.1:{port}/ask", {}, {})
    return await Load(Order(SCENARIO, target, NIKS)).run(time.monotonic())


def by_question(report: Report) -> dict[int, list[Try]]:
    """The tries of each question, in order."""
    tries = defaultdict(list)
    for attempt in report.tries:
        tries[attempt.question].append(attempt)
    return tries


def echo(request: bytes) -> bytes:
    """A good answer to a question."""
    body = b'{"NAMA_LGKP":"X","NIK":' + request.rpartition(b'"nik": "')[2][:16] + b"}"
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def test_good_answers_need_one_try() -> None:
    """Every question is asked once, near its moment, and answered."""
    report = load(echo)
    assert len(report.tries) == len(draw(SCENARIO))
    assert {(attempt.ending, attempt.number, attempt.status) for attempt in report.tries} == {(Ending.GOOD, 1, 200)}


@pytest.mark.parametrize(
    ("said", "ending"), [(NO, Ending.REFUSED), (CLOSING, Ending.REFUSED), (None, Ending.LATE), (b"", Ending.BROKEN)]
)
def test_failures_are_repeated_twice(said: bytes | None, ending: Ending) -> None:
    """Refusals, silence and broken connections end a try as what they are; the next comes after the pause."""
    report = load(lambda _request: said)
    tries = by_question(report)
    assert len(tries) == len(draw(SCENARIO))
    assert {attempt.ending for attempt in report.tries} == {ending}
    for of_one in tries.values():
        assert [attempt.number for attempt in of_one] == list(range(1, len(of_one) + 1))
        assert all(after.began - before.ended >= 0.02 for before, after in itertools.pairwise(of_one))
    assert max(len(of_one) for of_one in tries.values()) == SCENARIO.tries
    if ending is Ending.LATE:
        assert all(attempt.ended - attempt.began >= SCENARIO.deadline - 0.01 for attempt in report.tries)


def test_silence_does_not_slow_the_arrivals() -> None:
    """Open loop: with nobody answering, first tries still begin when they are due."""
    report = load(lambda _request: None)
    due = [question.at for question in draw(SCENARIO)]
    began = {attempt.question: attempt.began for attempt in report.tries if attempt.number == 1}
    assert all(began[number] >= at for number, at in enumerate(due))
    assert report.instrument.late_max < SCENARIO.seconds


def test_a_closed_port_breaks_every_try() -> None:
    """Refused connects are tries like any other."""
    with socket.socket() as bound:  # and not listening: held, so that nobody else opens it meanwhile
        bound.bind(("127.0.0.1", 0))
        report = asyncio.run(run_against(bound.getsockname()[1]))
    assert {attempt.ending for attempt in report.tries} == {Ending.BROKEN}


@contextlib.contextmanager
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that further connects get no reply."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with contextlib.ExitStack() as fillers:
            for _ in range(4):
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)  # noqa: FBT003 # the standard library's signature
                filler.connect_ex(("127.0.0.1", port))
            yield port


def test_connects_that_get_no_reply_are_late() -> None:
    """The deadline covers the connect."""
    with full_port() as port:
        report = asyncio.run(run_against(port))
    assert {attempt.ending for attempt in report.tries} == {Ending.LATE}


def test_chunked_answers_are_read() -> None:
    """Peers may send chunks instead of a length."""

    def chunked(request: bytes) -> bytes:
        body = echo(request).partition(b"\r\n\r\n")[2]
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    assert {attempt.ending for attempt in load(chunked).tries} == {Ending.GOOD}
