"""The webhook against receivers that mean harm: nothing inside is reached, nothing is followed, nothing waited for."""

from __future__ import annotations

import asyncio
import base64
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.centre.client import outbound
from gateway.centre.transport import Limits
from gateway.contract import NotDelivered
from plugins.webhook import Endpoint, Webhook, WebhookConfig
from tests.centre_client.far_end import FarEnd, Peer
from tests.plugins.conftest import Desk
from tests.plugins.test_webhook import TOLD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
TINY = Limits(connections=4, connect_timeout=1.0, idle=5.0, max_response_bytes=65_536, total=0.4)
OURS = ("127.0.0.1/32",)
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class WebDesk(Desk):
    """A host with a real outbound client and a secret."""

    web: httpx.AsyncClient

    @property
    def http(self) -> httpx.AsyncClient:
        """The client of a gateway."""
        return self.web

    def secret(self, name: str) -> str:
        """The same for all."""
        assert name
        return SECRET


async def delivered(url: str, allow: tuple[str, ...] = OURS) -> str:
    """What came of telling an endpoint: an empty text, or why it was not told."""
    desk = WebDesk()
    endpoint = Endpoint(caller="desk", url=url, insecure_http=True)
    async with outbound(TINY, allow=allow) as desk.web:
        webhook = Webhook(WebhookConfig(endpoints={"office": endpoint}), desk)
        await webhook.open()
        try:
            await webhook.deliver(TOLD, "office")
        except NotDelivered as error:
            return error.code
    return ""


@asynccontextmanager
async def receiver(answer: bytes | Callable[[Peer], Awaitable[None]]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers as told; its address and the requests it heard."""
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.request())
        if isinstance(answer, bytes):
            peer.writer.write(answer)
            await peer.until_gone()
        else:
            await answer(peer)

    async with FarEnd(script) as far:
        yield far.url, heard


async def flood(peer: Peer) -> None:
    """Without an end, as fast as it goes."""
    peer.writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.writer.write(b"x" * 65_536)
        await peer.writer.drain()


async def drip(peer: Peer) -> None:
    """A byte now and then, for ever."""
    peer.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        peer.writer.write(b"x")
        await peer.writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (OK, ""),
        (flood, "remote_protocol_error"),
        (drip, "read_timeout"),
        (Peer.until_gone, "read_timeout"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", "remote_protocol_error"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "remote_protocol_error"),
    ],
    ids=["well", "flood", "drip", "silent", "headers", "junk"],
)
def test_a_reply_is_bounded_in_size_and_time(answer: Any, code: str) -> None:
    """Huge, endless, dripping or no reply at all: not told, within the time of one try, and no more is read."""

    async def story() -> None:
        async with receiver(answer) as (url, heard):
            loop = asyncio.get_running_loop()
            began = loop.time()
            found = await delivered(url)
            assert (found, len(heard)) == (code, 1)
            assert loop.time() - began < 5.0

    asyncio.run(story())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    """Wherever it leads, inside or out, the signed message goes to the address of the config alone."""

    async def story() -> None:
        async with receiver(OK) as (inside, heard_inside):
            answer = f"HTTP/1.1 {status} Moved\r\nLocation: {inside}/\r\nContent-Length: 0\r\n\r\n".encode()
            async with receiver(answer) as (url, heard):
                assert await delivered(url) == "redirected"
                assert (len(heard), heard_inside) == (1, [])

    asyncio.run(story())


def test_a_name_that_changes_its_mind_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """It meant a public address when the config was read, and means one of ours when it connects: refused."""
    asked: list[str] = []
    inside = "127.0.0.1"

    def resolve(host: Any, port: Any, *_more: Any, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (inside, int(port)))]

    async def story() -> None:
        async with receiver(OK) as (url, heard):
            port = url.rpartition(":")[2]
            monkeypatch.setattr(socket, "getaddrinfo", resolve)
            assert await delivered(f"http://app.example.go.id:{port}/siak", allow=()) == "connect_error"
            assert asked == ["app.example.go.id"]
            assert heard == []
            assert await delivered(f"http://app.example.go.id:{port}/siak") == "", "once its network is allowed"
            assert heard[0].startswith(b"POST /siak HTTP/1.1\r\n")
            assert f"Host: app.example.go.id:{port}".lower().encode() in heard[0].lower()

    asyncio.run(story())


def test_nothing_of_a_message_becomes_another_header() -> None:
    """The head has the fields it should have, each once."""

    async def story() -> None:
        async with receiver(OK) as (url, heard):
            assert await delivered(f"{url}/a?x=%0d%0aX-Evil:%201") == ""
            head = heard[0].partition(b"\r\n\r\n")[0]
            names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
            assert b"x-evil" not in names
            assert len(names) == len(set(names))
            assert {b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"content-length"} <= set(names)

    asyncio.run(story())
