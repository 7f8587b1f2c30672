"""A common limit as bytes and back, so that whoever renews a lease next can go on with it (pure).

Kept are the limit's figures under their names in the code. A version that does not know one leaves it out, one that
misses one begins it anew: instances of two versions may share a limit while they are being replaced.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.centre.limit import Limit
from gateway.centre.limit_belief import Belief, Trial
from gateway.centre.limit_window import Window
from gateway.centre.shares import RENEW

if TYPE_CHECKING:
    from gateway.settings.centre import LimiterSettings

_PARTS = {"_belief": Belief, "_window": Window, "_trial": Trial}
_OWN = frozenset({"_settings", "_least", "_pooled"})
"""What follows from the config of the instance."""

_MAYBE = frozenset({"calm", "typical", "opens"})
"""Figures that may be unknown."""


def frozen(limit: Limit) -> bytes:
    """The limit as bytes."""
    return msgspec.json.encode(_plain(limit))


def thawed(raw: bytes, settings: LimiterSettings, now: float) -> Limit:
    """The limit again; what cannot be used of it is begun anew.

    Args:
        raw: What `frozen` gave.
        settings: Of the limiter.
        now: Seconds on the scale of all who share it.
    """
    limit = Limit(settings, now, pooled=RENEW)
    try:
        state = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        return limit
    _fill(limit, state)
    limit.value = max(0.0, min(limit.value, float(settings.maximum)))
    return limit


def _plain(thing: Limit | Belief | Window | Trial) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _names(thing):
        value = getattr(thing, name)
        found[name] = _plain(value) if name in _PARTS and value is not None else value
    return found


def _fill(thing: Limit | Belief | Window, state: dict[str, Any]) -> None:
    """Take over what is known and fits."""
    for name in _names(thing) & state.keys():
        value = state[name]
        if name == "_trial":
            setattr(thing, name, _trial(value))
        elif name in _PARTS:
            if isinstance(value, dict):
                _fill(getattr(thing, name), value)
        elif _is_figure(value) or (value is None and name in _MAYBE):
            setattr(thing, name, value)


def _trial(state: object) -> Trial | None:
    """A trial goes on only if all of it is known."""
    if isinstance(state, dict) and state.keys() == set(Trial.__slots__) and all(map(_is_figure, state.values())):
        return Trial(**state)
    return None


def _is_figure(value: object) -> bool:
    return isinstance(value, (int, float)) and isfinite(value)


def _names(thing: Limit | Belief | Window | Trial) -> set[str]:
    return set(type(thing).__slots__) - _OWN
