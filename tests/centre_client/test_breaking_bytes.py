"""The far end breaks at every byte of the request it reads and of the reply it writes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.contract.errors import CentreMisanswered, CentreTimeout, CentreUnreachable, GatewayError
from gateway.contract.messages import Answer
from tests.centre_client.far_end import FarEnd, always, biodata, call, client, http_reply, open_files
from tests.measuring import quick_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.centre.client import CentreClient
    from tests.centre_client.far_end import Peer

REPLY = http_reply(biodata())
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(biodata()), biodata())
CALM_SECONDS = 0.4
KINDS = (CentreUnreachable, CentreMisanswered, CentreTimeout)


async def outcome(centre: CentreClient, seconds: float = 5.0) -> Answer | GatewayError:
    """The answer or the error of one call."""
    try:
        return await centre.ask(call(seconds=seconds))
    except GatewayError as error:
        return error


async def request_length() -> int:
    """How many bytes our request has."""
    lengths: list[int] = []

    async def measure(peer: Peer) -> None:
        lengths.append(len(await peer.request()))

    async with FarEnd(measure) as far:
        centre = client(far.url)
        await outcome(centre)
        await centre.close()
    return lengths[0]


async def reset(peer: Peer) -> None:
    """Break the connection."""
    peer.reset()


async def end(peer: Peer) -> None:
    """End the connection in good manners."""
    peer.writer.close()


async def stall(peer: Peer) -> None:
    """Say nothing more."""
    await peer.until_gone()


ENDINGS = (reset, end, stall)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_request_broken_at_any_byte_is_never_called_unsent(ending: Callable[[Peer], Awaitable[None]]) -> None:
    """Once the far end has read a byte, the failure says *unknown*; every place is given back, no socket leaks."""

    async def main() -> None:
        length = await request_length()

        heard: list[int] = []

        async def script(peer: Peer) -> None:
            if await peer.reader.readexactly(peer.number - 1):
                heard.append(peer.number)
            await ending(peer)

        seconds = CALM_SECONDS if ending is stall else 5.0
        before = open_files()
        async with FarEnd(script) as far:
            centre = client(far.url)
            outcomes = await asyncio.gather(*(outcome(centre, seconds) for _ in range(length + 1)))
            assert all(isinstance(found, KINDS) for found in outcomes)
            unsent = [found for found in outcomes if isinstance(found, KINDS) and found.executed == "no"]
            assert len(unsent) <= len(outcomes) - len(heard)
            assert heard
            await centre.close()
        await asyncio.sleep(0)
        assert open_files() <= before

    asyncio.run(main())


@pytest.mark.parametrize("reply", [REPLY, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_reply_broken_at_any_byte_is_never_an_answer(ending: Callable[[Peer], Awaitable[None]], reply: bytes) -> None:
    """A reply that lacks even its last byte is an error that says *unknown*; the whole one is the answer."""

    async def main() -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(reply[: peer.number])
            await peer.writer.drain()
            await ending(peer)

        seconds = CALM_SECONDS if ending is stall else 5.0
        async with FarEnd(script) as far:
            centre = client(far.url)
            outcomes = await asyncio.gather(*(outcome(centre, seconds) for _ in range(len(reply))))
            answers = [found for found in outcomes if isinstance(found, Answer)]
            errors = [found for found in outcomes if isinstance(found, GatewayError)]
            assert [answer.reply.raw for answer in answers] in ([biodata()], [])
            assert len(errors) >= len(reply) - 1
            assert all(isinstance(error, KINDS) for error in errors)
            assert (
                all(error.executed == "unknown" for error in errors) or ending is stall
            )  # a busy machine connects late
            await centre.close()

    asyncio.run(main())


def test_a_reply_in_single_bytes_is_the_answer() -> None:
    """However the reply is cut into segments, the answer is the same to the byte."""

    async def main() -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            for position in range(len(CHUNKED)):
                peer.writer.write(CHUNKED[position : position + 1])
                await peer.writer.drain()
            await peer.until_gone()

        async with FarEnd(script) as far:
            centre = client(far.url)
            assert (await centre.ask(call())).reply.raw == biodata()
            await centre.close()

    asyncio.run(main())


def test_a_dripping_body_ends_at_the_total_deadline() -> None:
    """A far end that sends a byte now and then for ever cannot outlive the deadline."""

    async def main() -> float:
        async def drip(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            loop = asyncio.get_running_loop()
            while True:
                peer.writer.write(b" ")
                pause = asyncio.Event()
                loop.call_later(0.01, pause.set)
                await pause.wait()

        async with FarEnd(drip) as far:
            centre = client(far.url)
            started = asyncio.get_running_loop().time()
            found = await outcome(centre, 0.3)
            lasted = asyncio.get_running_loop().time() - started
            assert isinstance(found, CentreTimeout)
            assert found.executed == "unknown"
            await centre.close()
        return lasted

    quick_once(lambda: asyncio.run(main()), 1.0)


@pytest.mark.parametrize(
    "reply",
    [
        http_reply(b" " * 4096),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b" " * 4096,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n%b\r\nc00\r\n%b" % (b" " * 1024, b" " * 3072),
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 4096,
    ],
    ids=["length", "huge length", "chunked", "until close"],
)
def test_a_reply_larger_than_allowed_is_refused_early(reply: bytes) -> None:
    """Whatever its framing, an oversized body is given up once the limit is passed, not read to its end."""

    async def main() -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(reply)
            await peer.until_gone()

        async with FarEnd(script) as far:
            centre = client(far.url, max_response_bytes=2048)
            found = await outcome(centre, 3.0)
            assert isinstance(found, CentreMisanswered)
            await centre.close()

    asyncio.run(main())


def test_a_reply_just_within_the_limit_is_read() -> None:
    """The limit itself is allowed."""

    async def main() -> None:
        body = biodata()
        padded = body + b" " * (2048 - len(body))
        async with FarEnd(always(http_reply(padded))) as far:
            centre = client(far.url, max_response_bytes=2048)
            assert (await centre.ask(call())).reply.raw == padded
            await centre.close()

    asyncio.run(main())
