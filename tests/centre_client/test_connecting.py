"""What fails before a connection stands was not sent, and the error says so."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Protocol

import pytest

from gateway.contract.errors import CentreTimeout, CentreUnreachable, GatewayError, Internal
from tests.centre_client.far_end import FarEnd, always, biodata, call, client, http_reply, open_files

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.centre_client.far_end import Peer

REPLY = http_reply(biodata())


class Certified(Protocol):
    """A certificate of `conftest`."""

    file: Path

    @property
    def context(self) -> ssl.SSLContext:
        """For the server."""


async def failure(url: str, seconds: float = 5.0, connect_timeout: float = 2.0, ca: Path | None = None) -> GatewayError:
    """The error of one call to `url`."""
    centre = client(url, connect_timeout=connect_timeout, ca_file=str(ca) if ca else None)
    try:
        with pytest.raises(GatewayError) as failed:
            await centre.ask(call(seconds=seconds))
    finally:
        await centre.close()
    assert failed.value.__context__ is None
    return failed.value


def test_a_refused_connection_was_not_sent() -> None:
    """Nothing listens: unreachable, not sent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = asyncio.run(failure(f"http://127.0.0.1:{free.getsockname()[1]}"))
    assert isinstance(found, CentreUnreachable)
    assert found.executed == "no"


@pytest.mark.parametrize(("seconds", "connect_timeout"), [(5.0, 0.2), (0.2, 5.0)])
def test_a_connect_that_hangs_was_not_sent(seconds: float, connect_timeout: float) -> None:
    """A listener with a full backlog: timeout, not sent, whether the connect timeout or the deadline ends it."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)  # noqa: FBT003 - the standard library's signature
            filler.connect_ex(full.getsockname())
        before = open_files()
        found = asyncio.run(failure(f"http://127.0.0.1:{full.getsockname()[1]}", seconds, connect_timeout))
        assert open_files() <= before
    assert isinstance(found, CentreTimeout)
    assert found.executed == "no"


def test_a_name_that_does_not_resolve_was_not_sent() -> None:
    """The resolver fails or takes too long: not sent either way."""
    found = asyncio.run(failure("http://no-such-host.invalid:8000", connect_timeout=0.5))
    assert isinstance(found, CentreUnreachable | CentreTimeout)
    assert found.executed == "no"


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_one_is_our_own_error(host: str) -> None:
    """A host that no resolver takes is a fault of the config, told as internal, and nothing is sent."""
    found = asyncio.run(failure(f"http://{host}"))
    assert isinstance(found, Internal)
    assert found.executed == "no"


def test_tls_with_the_named_authority_answers(trusted: Certified) -> None:
    """A far end certified by the CA file is asked, and its connection used again."""

    async def main() -> None:
        async with FarEnd(always(REPLY), trusted.context) as far:
            centre = client(far.url, ca_file=str(trusted.file))
            await centre.open()
            for _ in range(3):
                assert (await centre.ask(call())).reply.raw == biodata()
            assert far.connections == 1
            await centre.close()

    asyncio.run(main())


@pytest.mark.parametrize("which", ["unknown authority", "expired", "misnamed"])
def test_a_bad_certificate_was_not_sent(
    which: str, trusted: Certified, expired: Certified, misnamed: Certified
) -> None:
    """Unknown authority, expired or made for another address: unreachable, not sent."""
    shown = {"unknown authority": trusted, "expired": expired, "misnamed": misnamed}[which]
    believed = misnamed if which == "unknown authority" else shown

    async def main() -> GatewayError:
        async with FarEnd(always(REPLY), shown.context) as far:
            return await failure(far.url, ca=believed.file)

    found = asyncio.run(main())
    assert isinstance(found, CentreUnreachable)
    assert found.executed == "no"


async def _garbage(peer: Peer) -> None:
    peer.writer.write(b"\x15\x03\x03\x00\x02\x02\x28" + b"junk")
    await peer.until_gone()


async def _reset(peer: Peer) -> None:
    await peer.reader.readexactly(1)
    peer.reset()


async def _silence(peer: Peer) -> None:
    await peer.until_gone()


@pytest.mark.parametrize("script", [_garbage, _reset, _silence])
def test_a_broken_handshake_was_not_sent(script: Callable[[Peer], Awaitable[None]], trusted: Certified) -> None:
    """A TLS alert, a reset or silence instead of a handshake: not sent, no socket left."""

    async def main() -> GatewayError:
        async with FarEnd(script) as far:
            before = open_files()
            found = await failure(far.url.replace("http:", "https:"), connect_timeout=0.3, ca=trusted.file)
            for _ in range(100):
                await asyncio.sleep(0)
            assert open_files() <= before + 1  # at most the far end's own half
            return found

    found = asyncio.run(main())
    assert isinstance(found, CentreTimeout if script is _silence else CentreUnreachable)
    assert found.executed == "no"


def test_a_ca_file_that_is_none_is_found_at_open(tmp_path: Path) -> None:
    """`open` fails where the CA file is missing or holds no certificate, before any question."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")

    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            await client("https://127.0.0.1:1", ca_file=str(tmp_path / "missing.pem")).open()
        with pytest.raises(ssl.SSLError):
            await client("https://127.0.0.1:1", ca_file=str(empty)).open()

    asyncio.run(main())
