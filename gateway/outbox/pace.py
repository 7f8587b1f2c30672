"""When something that waits will be at the centre, by the pace of late (pure).

The band is honest: its near end is the best pace of the last hour and nothing unforeseen, its far end half the worst.
Where nothing reached the centre lately, nobody knows, and nothing is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.contract.submissions import Expected

if TYPE_CHECKING:
    from collections.abc import Sequence

RECENT: Final = 300.0
"""Seconds without any delivery after which nothing is said."""

WINDOWS: Final = (60.0, 300.0, 3_600.0)
"""Seconds over which the pace is measured; the best and the worst of them make the band."""

FEWEST: Final = 5
"""Deliveries in a window from which on it tells a pace."""

CAUTION: Final = 2.0
"""How much slower than the worst pace it may get."""

_LONGEST: Final = 7 * 86_400.0


def expected(ahead: int, delivered: Sequence[float], now: float) -> Expected | None:
    """When something with so many before it will be at the centre.

    Args:
        ahead: How many go before it.
        delivered: When others were delivered of late, newest first, Unix seconds.
        now: Unix seconds.

    Returns:
        The band, or None if there is no telling.
    """
    if not delivered or now - delivered[0] > RECENT:
        return None
    rates = [rate for window in WINDOWS if (rate := _rate(delivered, now, window)) is not None]
    if not rates:
        return None
    soonest, latest = (ahead + 1) / max(rates), CAUTION * (ahead + 1) / min(rates)
    return Expected(now + soonest, now + latest) if latest <= _LONGEST else None


def _rate(delivered: Sequence[float], now: float, window: float) -> float | None:
    """Deliveries a second in a window; one that reaches farther back than what is known is cut there."""
    inside = [at for at in delivered if now - at <= window]
    if len(inside) < FEWEST:
        return None
    span = now - inside[-1] if len(inside) == len(delivered) else window
    return len(inside) / max(span, 1.0)
