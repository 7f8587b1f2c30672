"""A far end that floods is cut off: neither the deadline nor the other calls suffer."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from gateway.contract.errors import CentreMisanswered
from gateway.contract.messages import Answer
from tests.centre_client.far_end import FarEnd, always, biodata, call, client, http_reply

if TYPE_CHECKING:
    from tests.centre_client.far_end import Peer

MOST = 65_536
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FLOODS = {
    "interim": (b"", CONTINUE),
    "interim_fields": (b"", b"HTTP/1.1 103 Early Hints\r\n" + b"Link: </x>\r\n" * 100 + b"\r\n"),
    "chunk_extensions": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 4000 + b"\r\n \r\n"),
    "one_extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 4000),
    "until_the_end": (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 4000),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_ends_long_before_the_deadline(kind: str) -> None:
    """It is refused after a bounded number of bytes, as misanswered, with the connection cut."""
    head, wave = FLOODS[kind]
    sent: list[int] = []

    async def main() -> float:
        async def flood(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(head)
            while not peer.writer.is_closing():
                peer.writer.write(wave * 16)
                sent.append(16 * len(wave))
                await peer.writer.drain()
                await asyncio.sleep(0)

        async with FarEnd(flood) as far:
            centre = client(far.url, max_response_bytes=MOST)
            began = time.monotonic()
            with pytest.raises(CentreMisanswered) as caught:
                await centre.ask(call(seconds=20.0))
            assert caught.value.executed == "unknown"
            await centre.close()
            return time.monotonic() - began

    assert asyncio.run(main()) < 10.0
    assert sum(sent) < 32 * 1_048_576


def test_a_few_interim_replies_are_passed_over_each_time() -> None:
    """Eight interim replies before each of many answers are no flood, nor do they add up on a kept connection."""

    async def main() -> None:
        async with FarEnd(always(CONTINUE * 8 + http_reply(biodata()))) as far:
            centre = client(far.url, max_response_bytes=1024)
            answers = [await centre.ask(call()) for _ in range(1500)]
            assert all(isinstance(answer, Answer) for answer in answers)
            assert far.connections == 1
            await centre.close()

    asyncio.run(main())


def test_the_ninth_interim_reply_is_one_too_many() -> None:
    """The bound is exact."""

    async def main() -> None:
        async with FarEnd(always(CONTINUE * 9 + http_reply(biodata()))) as far:
            centre = client(far.url)
            with pytest.raises(CentreMisanswered):
                await centre.ask(call())
            await centre.close()

    asyncio.run(main())
