"""A connection is used again only if it is clean; nothing is sent twice, nothing answers the wrong question."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from gateway.centre.wire import AnotherSubject
from gateway.contract.errors import CentreMisanswered, CentreUnreachable
from gateway.contract.messages import Answer, CentreService, Question
from tests.centre_client.far_end import (
    NIK,
    OTHER_NIK,
    VERIFY,
    FarEnd,
    always,
    biodata,
    call,
    client,
    http_reply,
    page,
    settled,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.centre_client.far_end import (
        Peer,
    )

OTHER = Question(CentreService.BIODATA, OTHER_NIK)
REPLY = http_reply(biodata())


def asked_nik(request: bytes) -> str:
    """The NIK in a request."""
    return OTHER_NIK if OTHER_NIK.encode() in request else NIK


def test_one_connection_serves_many_questions() -> None:
    """Kept alive as long as it is clean."""

    async def main() -> None:
        async with FarEnd(always(REPLY)) as far:
            centre = client(far.url)
            for _ in range(20):
                await centre.ask(call())
            assert far.connections == 1
            await centre.close()

    asyncio.run(main())


@pytest.mark.parametrize("gap", [0, 1, 2, 50])
def test_a_reply_sent_twice_never_answers_the_next_question(gap: int) -> None:
    """A second copy of a reply, in the same segment or later, is thrown away with its connection."""

    async def script(peer: Peer) -> None:
        while True:
            reply = http_reply(biodata(asked_nik(await peer.request())))
            peer.writer.write(reply + reply if gap == 0 else reply)
            for _ in range(gap):
                await asyncio.sleep(0)
            if gap:
                peer.writer.write(reply)

    async def main() -> None:
        async with FarEnd(script) as far:
            centre = client(far.url)
            for turn in range(20):
                question = OTHER if turn % 2 else Question(CentreService.BIODATA, NIK)
                try:
                    answer = await centre.ask(call(question))
                except AnotherSubject:
                    continue
                assert question.subject.encode() in answer.reply.raw
            await centre.close()

    asyncio.run(main())


def test_bytes_that_wait_in_the_socket_are_noticed_before_the_next_question() -> None:
    """A comparison names nobody, so what was said unasked must be noticed before it is taken for the answer."""
    said = asyncio.Event()
    good, stray = page({"NAMA_LGKP": "Sesuai (100)"}), page({"NAMA_LGKP": "Tidak Sesuai (10)"})

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(http_reply(good))
        await peer.writer.drain()
        peer.writer.write(http_reply(stray))
        said.set()
        await peer.until_gone()

    async def main() -> None:
        async with FarEnd(script) as far:
            centre = client(far.url)
            for _ in range(5):
                said.clear()
                assert (await centre.ask(call(VERIFY))).reply.raw == good
                await said.wait()
            assert far.connections == 5
            await centre.close()

    asyncio.run(main())


def test_a_mixed_up_reply_retires_every_open_connection() -> None:
    """After a reply about somebody else no connection open by then is used again, and an admin can read why."""

    async def script(peer: Peer) -> None:
        wrong = peer.number == 1
        while True:
            nik = asked_nik(await peer.request())
            peer.writer.write(http_reply(biodata(OTHER_NIK if wrong else nik)))

    async def main() -> list[Any]:
        async with FarEnd(script) as far:
            centre = client(far.url)
            with structlog.testing.capture_logs() as logged, pytest.raises(AnotherSubject):
                await centre.ask(call())
            assert isinstance(await centre.ask(call()), Answer)
            assert far.connections == 2
            await centre.close()
            return list(logged)

    (entry,) = asyncio.run(main())
    assert entry["event"] == "centre.reply.about_another"
    assert NIK not in str(entry)
    assert OTHER_NIK not in str(entry)


async def _end_now(peer: Peer) -> None:
    peer.writer.close()


async def _break_now(peer: Peer) -> None:
    peer.reset()


@pytest.mark.parametrize("ending", [_end_now, _break_now])
def test_a_pooled_connection_that_ended_is_replaced_before_anything_is_written(
    ending: Callable[[Peer], Awaitable[None]],
) -> None:
    """The far end ended it between two questions: noticed in the socket, and a new one is opened instead."""
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(REPLY)
        await peer.writer.drain()
        await ending(peer)
        ended.set()

    async def main() -> None:
        async with FarEnd(script) as far:
            centre = client(far.url)
            for _ in range(10):
                ended.clear()
                (found,) = await asyncio.gather(centre.ask(call()), return_exceptions=True)
                if ending is _end_now:
                    assert isinstance(found, Answer)
                else:  # the reset may overtake the reply it follows
                    assert isinstance(found, Answer) or getattr(found, "executed", "") == "unknown"
                await ended.wait()
            assert far.connections == 10
            await centre.close()

    asyncio.run(main())


@pytest.mark.parametrize("right", ["dinas", "lama"])
def test_a_question_read_and_lost_is_not_sent_again(right: str) -> None:
    """Neither POST nor GET is repeated by the transport, not even on a connection used before."""
    requests: list[bytes] = []

    async def script(peer: Peer) -> None:
        requests.append(await peer.request())
        peer.writer.write(REPLY)
        requests.append(await peer.request())

    async def main() -> None:
        async with FarEnd(script) as far:
            centre = client(far.url)
            await centre.ask(call(right=right))
            with pytest.raises(CentreUnreachable) as failed:
                await centre.ask(call(right=right))
            assert failed.value.executed == "unknown"
            assert (len(requests), far.connections) == (2, 1)
            await centre.close()

    asyncio.run(main())


def test_a_connection_on_which_was_spoken_unasked_is_not_pooled() -> None:
    """A far end that speaks before it was asked loses that connection."""
    speak = asyncio.Event()

    async def script(peer: Peer) -> None:
        await speak.wait()
        peer.writer.write(REPLY)
        await peer.until_gone()

    async def main() -> None:
        async with FarEnd(script) as far:
            centre = client(far.url)
            await centre.open()
            pool = centre._transport._pool
            assert pool
            connection, protocol, _ = await pool.lend(far.url)
            speak.set()
            assert await settled(lambda: protocol.should_close)
            connection.release()
            assert not pool._conns
            await centre.close()

    asyncio.run(main())


def test_a_new_connection_on_which_was_spoken_unasked_is_not_lent() -> None:
    """It is closed and the attempt fails as not sent, instead of trying for ever."""
    speak = asyncio.Event()

    async def script(peer: Peer) -> None:
        await speak.wait()
        peer.writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await peer.until_gone()

    async def main() -> None:
        async with FarEnd(script) as far:
            centre = client(far.url)
            await centre.open()
            pool = centre._transport._pool
            assert pool
            connection = await pool._connected(pool._request_to(far.url))  # made, but never lent
            protocol = connection.protocol
            assert protocol is not None
            connection.release()
            speak.set()
            assert await settled(lambda: protocol.should_close)
            with pytest.raises(CentreUnreachable) as failed:
                await centre.ask(call())
            assert failed.value.executed == "no"
            await centre.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + biodata(),
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(2000)) + b"\r\n",
        b"SSH-2.0-junk\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\0" * 100,
    ],
)
def test_broken_or_unwanted_http_is_misanswered_and_its_connection_dropped(reply: bytes) -> None:
    """Upgrades, redirects, encodings, wrong lengths, junk: a typed error, and the client goes on."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(reply if peer.number == 1 else REPLY)
        await peer.writer.drain()
        peer.writer.close()

    async def main() -> None:
        async with FarEnd(script) as far:
            centre = client(far.url)
            with pytest.raises(CentreMisanswered) as failed:
                await centre.ask(call(seconds=2))
            assert failed.value.executed in {"unknown", "yes"}
            second = await asyncio.gather(centre.ask(call()), return_exceptions=True)
            third = await asyncio.gather(centre.ask(call()), return_exceptions=True)
            assert isinstance(second[0], Answer) or isinstance(third[0], Answer)
            await centre.close()

    asyncio.run(main())


def test_interim_replies_are_passed_over() -> None:
    """103 and the like are not the answer."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3

    async def main() -> None:
        async with FarEnd(always(early + REPLY)) as far:
            centre = client(far.url)
            assert (await centre.ask(call())).reply.raw == biodata()
            await centre.close()

    asyncio.run(main())
