"""How often one network may ask: a count for each minute, in bounded memory (pure; the time is handed in)."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Final

MINUTE: Final = 60.0
MOST: Final = 10_000
"""Networks remembered at once; the one heard of longest ago is forgotten first."""

_IPV4, _IPV6 = 24, 48


class NetworkPace:
    """Counts what each network asks.

    Args:
        per_minute: How much one may.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def offer(self, peer: str, now: float) -> float | None:
        """None if somebody may ask; else seconds after which it is worth trying again.

        Args:
            peer: Address of who asks; those that are none share one count.
            now: Monotonic seconds.
        """
        network = network_of(peer)
        began, count = self._counts.get(network, (now, 0))
        if now - began >= MINUTE:
            began, count = now, 0
        if count >= self._per_minute:
            return float(max(1, ceil(began + MINUTE - now)))
        self._counts[network] = (began, count + 1)
        self._counts.move_to_end(network)
        while len(self._counts) > MOST:
            self._counts.popitem(last=False)
        return None


def network_of(peer: str) -> str:
    """The network an address belongs to, as far as one household or operator has it to itself."""
    try:
        address = ip_address(peer)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return network_of(str(address.ipv4_mapped))
        return str(ip_network((address, _IPV6), strict=False))
    return str(ip_network((address, _IPV4), strict=False))
