"""The outbound client of extensions: httpx's interface under our guarantees."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.centre.client import outbound
from gateway.centre.transport import CentreTransport, Limits, Outgoing
from gateway.contract.errors import GatewayError
from tests.centre_client.far_end import FarEnd, Peer, always, http_reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SMALL = Limits(connections=2, connect_timeout=1.0, max_response_bytes=1024, total=2.0)


async def echo(peer: Peer) -> None:
    """Answer each request with itself."""
    while True:
        peer.writer.write(http_reply(await peer.request(), "Set-Cookie: session=1; Path=/", "X-Two: a", "X-Two: b"))


def test_a_request_goes_out_and_its_reply_comes_back() -> None:
    """Method, path, headers and body as given; identity asked for; status, headers and body as received."""

    async def main() -> httpx.Response:
        async with FarEnd(echo) as far, outbound(SMALL) as web:
            return await web.put(f"{far.url}/a%20b?c=d&e=%C3%A9", content=b"12345", headers={"X-One": "1"})

    response = asyncio.run(main())
    head, _, body = response.content.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert head.startswith(b"PUT /a%20b?c=d&e=%C3%A9 HTTP/1.1\r\n")
    assert {b"x-one: 1", b"content-length: 5", b"accept-encoding: identity"} <= set(lines)
    assert sum(line.startswith((b"host:", b"accept-encoding:", b"content-length:")) for line in lines) == 3
    assert body == b"12345"
    assert response.status_code == 200
    assert response.headers.get_list("x-two") == ["a", "b"]


def test_bodies_of_any_kind_are_framed_by_length() -> None:
    """A stream is sent with its length, an empty POST with 0, a GET without."""

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"ab", b"cd"):
            yield piece

    async def main() -> list[bytes]:
        async with FarEnd(echo) as far, outbound(SMALL) as web:
            stream = await web.post(far.url, content=pieces())
            empty = await web.post(far.url)
            plain = await web.get(far.url)
            return [stream.content, empty.content, plain.content]

    stream, empty, plain = asyncio.run(main())
    assert stream.endswith(b"\r\n\r\nabcd")
    assert b"chunked" not in stream
    assert b"content-length: 0" in empty.lower()
    assert b"content-length" not in plain.lower()


def test_the_length_in_a_reply_to_head_is_not_waited_for() -> None:
    """HEAD has no body whatever its length says, and its connection is used again."""

    async def main() -> int:
        async with FarEnd(always(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")) as far, outbound(SMALL) as web:
            for _ in range(3):
                assert (await web.head(far.url)).content == b""
            return far.connections

    assert asyncio.run(main()) == 1


def test_a_far_end_that_replies_before_it_has_heard_all_is_not_asked_again() -> None:
    """What is left of a request must not become the beginning of the next one."""

    async def deaf(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.writer.write(http_reply(b"no", status="413 Too Large"))
        await asyncio.Event().wait()

    async def main() -> int:
        async with FarEnd(deaf) as far, outbound(SMALL) as web:
            for _ in range(3):
                assert (await web.put(far.url, content=b"x" * 30_000_000)).status_code == 413
            return far.connections

    assert asyncio.run(main()) == 3


def test_cookies_are_not_kept() -> None:
    """What a far end sets is not sent back."""

    async def main() -> bytes:
        async with FarEnd(echo) as far, outbound(SMALL) as web:
            await web.get(far.url)
            return (await web.get(far.url)).content

    assert b"cookie" not in asyncio.run(main()).lower()


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies named in the environment are not used."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def main() -> int:
        async with FarEnd(echo) as far, outbound(SMALL) as web:
            return (await web.get(far.url)).status_code

    assert asyncio.run(main()) == 200


def test_redirects_are_handed_back() -> None:
    """A redirect is a reply like any other."""
    reply = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"

    async def main() -> int:
        async with FarEnd(always(reply)) as far, outbound(SMALL) as web:
            return (await web.get(far.url)).status_code

    assert asyncio.run(main()) == 302


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (http_reply(b"x" * 1025), httpx.RemoteProtocolError),
        (http_reply(gzip.compress(b"0" * 1_000_000), "Content-Encoding: gzip"), httpx.RemoteProtocolError),
        (b"junk\r\n\r\n", httpx.RemoteProtocolError),
        (b"", httpx.ReadTimeout),
    ],
)
def test_what_a_far_end_may_not_do_is_an_error_of_httpx(reply: bytes, error: type[Exception]) -> None:
    """Too large, encoded, not HTTP, or silent past the request's own timeout."""

    async def main() -> None:
        async with FarEnd(always(reply)) as far, outbound(SMALL) as web:
            with pytest.raises(error):
                await web.get(far.url, timeout=0.2 if error is httpx.ReadTimeout else 2.0)

    asyncio.run(main())


def test_no_timeout_asked_for_still_ends_at_the_total() -> None:
    """`timeout=None` does not switch the total deadline off."""

    async def main() -> None:
        async with FarEnd(Peer.until_gone) as far, outbound(Limits(total=0.2)) as web:
            with pytest.raises(httpx.ReadTimeout):
                await web.get(far.url, timeout=None)

    asyncio.run(main())


def test_nobody_listening_is_a_connect_error() -> None:
    """And a request that cannot be written is a local one; neither names an address."""

    async def main() -> None:
        async with outbound(SMALL) as web:
            with pytest.raises(httpx.ConnectError) as refused:
                await web.get("http://127.0.0.1:1/secret-path")
            assert "secret-path" not in str(refused.value)
            for headers in ({"X": "a\r\nb: c"}, {"X": "a\0b"}):
                with pytest.raises(httpx.UnsupportedProtocol):
                    await web.get("http://127.0.0.1:1/", headers=headers)
            with pytest.raises(httpx.UnsupportedProtocol):
                await web.request("GET / HTTP/1.1\nX:", "http://127.0.0.1:1/")

    asyncio.run(main())


def test_letters_that_no_header_can_carry_are_refused() -> None:
    """Beyond Latin-1 nothing is written."""

    async def main() -> str:
        transport = CentreTransport(SMALL)
        transport.retire()
        with pytest.raises(GatewayError) as failed:
            await transport.exchange(Outgoing("GET", "http://127.0.0.1:1", "/", (("X", "\u0634"),)), 1.0)
        await transport.aclose()
        return f"{failed.value.code} {failed.value.executed}"

    assert asyncio.run(main()) == "internal no"


def test_origins_asked_once_are_forgotten() -> None:
    """What is kept of an origin is bounded."""

    async def main() -> int:
        transport = CentreTransport(SMALL)
        await transport.open()
        pool = transport._pool
        assert pool
        for number in range(1000):
            pool._request_to(f"http://host-{number}.example")
        await transport.aclose()
        return len(pool._origins)

    assert asyncio.run(main()) <= 256


def test_many_origins_are_served_within_few_places() -> None:
    """Each origin has its connections; the number of places is shared."""

    async def main() -> int:
        async with FarEnd(echo) as first, FarEnd(echo) as second, outbound(SMALL) as web:
            urls = [far.url for far in (first, second) for _ in range(20)]
            replies = await asyncio.gather(*(web.get(url) for url in urls))
            assert {reply.status_code for reply in replies} == {200}
            return first.connections + second.connections

    assert asyncio.run(main()) <= 40
