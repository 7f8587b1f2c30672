"""Listeners: one address each, taken ports told, both engines alike, TLS and IPv6."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.http.server import Listener, PortTaken
from tests.http.rig import ask

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.http.server import Engine


async def hello(scope: Any, _receive: Any, send: Any) -> None:
    """Answer everything with the scheme it came over."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % 5)]})
    await send({"type": "http.response.body", "body": scope["scheme"].ljust(5).encode()})


@pytest.fixture(params=["granian", "uvicorn"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each server engine in turn."""
    chosen: Engine = request.param
    return chosen


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    ends = datetime.now(UTC) + timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=2))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


def test_it_serves_until_it_is_stopped(engine: Engine) -> None:
    """A listener answers once started, and its port is free again once stopped."""

    async def story() -> int:
        listener = Listener(hello, "127.0.0.1", 0, engine=engine)
        await listener.start()
        heard = await asyncio.to_thread(ask, listener.url, "GET", "/")
        assert (heard.status, heard.body) == (200, b"http ")
        port = urlsplit(listener.url).port
        await listener.stop()
        return port or 0

    with socket.create_server(("127.0.0.1", asyncio.run(story()))):
        pass


def test_half_a_head_does_not_hold_up_the_stop(engine: Engine) -> None:
    """A caller that has sent half of a request's head delays the stop by little, and the port is free afterwards."""

    async def story() -> int:
        listener = Listener(hello, "127.0.0.1", 0, engine=engine)
        await listener.start()
        port = urlsplit(listener.url).port or 0
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Half")
            assert (await asyncio.to_thread(ask, listener.url, "GET", "/")).status == 200
            async with asyncio.timeout(3.0):
                await listener.stop()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
        return port

    asyncio.run(story())


def test_more_connections_than_it_holds_wait() -> None:
    """Beyond its bound a connection is not accepted; it is served once another one closes."""

    async def story() -> bytes:
        listener = Listener(hello, "127.0.0.1", 0, connections=2)
        await listener.start()
        place = ("127.0.0.1", urlsplit(listener.url).port or 0)
        with socket.create_connection(place) as first, socket.create_connection(place) as second:
            for held in (first, second):
                held.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert await asyncio.to_thread(held.recv, 12) == b"HTTP/1.1 200"
            with socket.create_connection(place, timeout=0.2) as third:
                third.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                with pytest.raises(TimeoutError):
                    await asyncio.to_thread(third.recv, 12)
                third.settimeout(5)
                first.close()
                heard = await asyncio.to_thread(third.recv, 12)
        await listener.stop()
        return heard

    assert asyncio.run(story()) == b"HTTP/1.1 200"


def test_a_listener_that_was_never_started_can_be_stopped(engine: Engine) -> None:
    """Stopping before starting only gives the port back."""

    async def story() -> str:
        listener = Listener(hello, "127.0.0.1", 0, engine=engine)
        url = listener.url
        await listener.stop()
        return url

    port = urlsplit(asyncio.run(story())).port
    with socket.create_server(("127.0.0.1", port or 0)):
        pass


def test_a_taken_port_is_told_before_anything_starts() -> None:
    """A port in use is named with its address and the system's reason."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(PortTaken, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already in use"),
    ):
        Listener(hello, "127.0.0.1", taken.getsockname()[1])


def test_ipv6_addresses_are_written_in_brackets(engine: Engine) -> None:
    """A listener on ::1 serves there, and its URL can be used as it is."""

    async def story() -> None:
        listener = Listener(hello, "::1", 0, engine=engine)
        assert listener.url.startswith("http://[::1]:")
        await listener.start()
        assert (await asyncio.to_thread(ask, listener.url, "GET", "/")).status == 200
        await listener.stop()

    asyncio.run(story())


def test_tls_is_served_with_the_certificate_given(engine: Engine, certificate: tuple[Path, Path]) -> None:
    """With a certificate the listener speaks HTTPS, and only that."""

    def secure(port: int) -> bytes:
        context = ssl.create_default_context(cafile=str(certificate[0]))
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
        connection.request("GET", "/")
        body = connection.getresponse().read()
        connection.close()
        return body

    async def story() -> None:
        listener = Listener(hello, "127.0.0.1", 0, tls=certificate, engine=engine)
        assert listener.url.startswith("https://127.0.0.1:")
        await listener.start()
        assert await asyncio.to_thread(secure, urlsplit(listener.url).port or 0) == b"https"
        await listener.stop()

    asyncio.run(story())
