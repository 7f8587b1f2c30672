"""Who stands behind a proxy, and whether it came over HTTPS: believed only of proxies that the config names.

Anybody can write `X-Forwarded-For`. So it is read from its end: each address was written by the one that stands after
it, and the first that is no proxy of ours is who asked. What a request says of itself without having come through one
of them does not count.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_HOPS = 10


class Proxies:
    """The proxies that are believed.

    Args:
        networks: Where they stand.
        own_tls: Whether the gateway itself ends TLS, so that every connection is safe.
    """

    def __init__(self, networks: Iterable[str] = (), *, own_tls: bool = False) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self._own_tls = own_tls

    def client(self, peer: str, headers: Mapping[str, str]) -> str:
        """The address of who asked.

        Args:
            peer: Who opened the connection.
            headers: Header fields, names in lower case.
        """
        here = peer
        hops = headers.get("x-forwarded-for", "").split(",")[-_MOST_HOPS:]
        while hops and self._trusts(here):
            said = _address(hops.pop().strip())
            if said is None:
                break
            here = said
        return here

    def is_secure(self, peer: str, headers: Mapping[str, str]) -> bool:
        """Whether who asked did so over HTTPS."""
        if self._own_tls:
            return True
        said = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        return said == "https" and self._trusts(peer)

    def _trusts(self, address: str) -> bool:
        if not self._networks:
            return False
        plain = _address(address)
        if plain is None:
            return False
        found = ipaddress.ip_address(plain)
        return any(found in network for network in self._networks)


def _address(text: str) -> str | None:
    """A bare address, without brackets, port or the form that IPv6 gives to IPv4; None for what is none."""
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
