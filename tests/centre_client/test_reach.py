"""Where extensions' outbound client connects to: public addresses and allowed networks, whatever name led there."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
import structlog

from gateway.centre.client import outbound
from gateway.centre.reach import AddressRefused, Reach
from gateway.centre.transport import Limits
from tests.centre_client.far_end import FarEnd, always, http_reply

if TYPE_CHECKING:
    from collections.abc import Iterable

SMALL = Limits(connections=2, connect_timeout=1.0, max_response_bytes=1024, total=2.0)
INSIDE = (
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.9.1", "169.254.169.254", "172.16.0.1", "192.168.1.1",
    "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1",
    "2002:a00:1::", "2002:7f00:1::", "2001::f5ff:fffe", "fc00::1", "fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8::1",
    "64:ff9b:1::a00:1", "::ffff:0:10.0.0.1", "fec0::1", "3fff::1", "4000::1", "5f00::1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "103.10.20.30", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_inside_is_reached(address: str) -> None:
    """Private, loopback, link-local, shared, reserved, multicast, and IPv6 forms that stand for any of them."""
    assert not Reach().admits(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with structlog.testing.capture_logs() as logs, pytest.raises(AddressRefused):
        Reach().socket((family, socket.SOCK_STREAM, 6, "", (address, 443)))
    assert [line["event"] for line in logs] == ["outbound.address.refused"]


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_public_is_reached(address: str) -> None:
    """Directly, or through the network's own translation."""
    assert Reach().admits(address)


def test_a_network_of_the_config_is_reached_and_no_other() -> None:
    """Also by its IPv6 form; its neighbours stay out."""
    reach = Reach(["10.20.0.0/16", "fd00:1::/32"])
    assert all(map(reach.admits, ("10.20.3.4", "::ffff:10.20.3.4", "fd00:1::7", "8.8.8.8")))
    assert not any(map(reach.admits, ("10.21.0.1", "fd00:2::7", "127.0.0.1")))


def _asked(urls: Iterable[str], allow: tuple[str, ...] | None) -> list[str]:
    """What came of a GET of each address: the status, or the kind of error."""

    async def main() -> list[str]:
        found = []
        async with FarEnd(always(http_reply(b"hello"))) as far, outbound(SMALL, allow=allow) as web:
            port = far.url.rpartition(":")[2]
            for url in urls:
                try:
                    found.append(str((await web.get(url.replace("PORT", port))).status_code))
                except httpx.TransportError as error:
                    found.append(type(error).__name__)
        return found

    return asyncio.run(main())


def test_no_form_of_an_address_leads_inside() -> None:
    """As an address, as a number, by a name that resolves inwards: nothing is connected to."""
    urls = [
        "http://127.0.0.1:PORT/", "http://localhost:PORT/", "http://2130706433:PORT/", "http://0x7f.1:PORT/",
        "http://127.1:PORT/", "http://[::ffff:127.0.0.1]:PORT/", "http://0:PORT/",
    ]  # fmt: skip
    assert set(_asked(urls, ())) <= {"ConnectError", "UnsupportedProtocol"}
    assert _asked(urls[:2], ("127.0.0.0/8", "::1/128")) == ["200", "200"]
    assert _asked(urls[:1], None) == ["200"]
