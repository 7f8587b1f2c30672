"""Where the host's outbound client may connect to: public addresses, and networks the config allows.

Looked at is the address a socket is about to connect to, whatever name led there and whatever the name meant a moment
ago. So neither an address in a URL, nor a name that resolves inwards, nor one that changes its mind gets through.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohappyeyeballs import AddrInfoType

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_log = structlog.get_logger("gateway.outbound")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All public addresses of IPv6: what else `ipaddress` calls global is translated, site-local or not assigned."""
_DOCUMENTS: Final = ipaddress.IPv6Network("3fff::/20")
_LOW: Final = (1 << 32) - 1


class AddressRefused(OSError):
    """The address is not public, and no network of the config holds it."""


class Reach:
    """Which addresses may be connected to.

    Args:
        allow: Networks that may be, beside public addresses, such as `10.20.0.0/16`.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in allow)

    def admits(self, text: str) -> bool:
        """Whether an address may be connected to."""
        address = ipaddress.ip_address(text.partition("%")[0])
        meant = _meant(address)
        if any(one in network for one in (address, meant) for network in self._allow if one.version == network.version):
            return True
        is_public = meant.version == 4 or (meant in _UNICAST and meant not in _DOCUMENTS)  # noqa: PLR2004 # as in IPv4
        return is_public and all(one.is_global and not one.is_multicast for one in (address, meant))

    def socket(self, info: AddrInfoType) -> socket.socket:
        """A socket for an address.

        Raises:
            AddressRefused: It may not be connected to.
        """
        family, kind, protocol, _, place = info
        if not self.admits(str(place[0])):
            _log.warning("outbound.address.refused", address=str(place[0]))
            raise AddressRefused("not a public address, nor in a network of outbound.allow")
        return socket.socket(family, kind, protocol)


def factory_of(allow: Iterable[str] | None) -> Callable[[AddrInfoType], socket.socket] | None:
    """What makes sockets within that reach; None for no bounds."""
    return None if allow is None else Reach(allow).socket


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one; else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & _LOW)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo is not None else address)
