"""`Cache-Control` of requests, `Age` and `Cache-Status` of answers (RFC 9111, RFC 9211)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.contract.messages import Freshness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.messages import Answer


def freshness_of(headers: Mapping[str, str]) -> Freshness | None:
    """What the caller takes from the cache; None when it says nothing. Unknown directives are ignored."""
    given = headers.get("cache-control")
    return _parse(given[:200]) if given is not None else None


@lru_cache(maxsize=256)
def _parse(text: str) -> Freshness:
    directives = dict(_directive(part) for part in text.lower().split(","))
    seconds = directives.get("max-stale")
    limited = seconds is not None and seconds.isdecimal()
    return Freshness(
        max_stale=float(seconds) if limited and seconds is not None else None,
        no_cache="no-cache" in directives,
        strict=limited or directives.get("stale-if-error") == "0",
    )


def _directive(part: str) -> tuple[str, str]:
    name, _equals, value = part.strip().partition("=")
    return name.strip(), value.strip().strip('"')


def freshness_headers(answer: Answer) -> tuple[tuple[str, str], ...]:
    """`Age` and `Cache-Status` of an answer."""
    return (
        ("age", str(int(answer.age_seconds))),
        ("cache-status", f"siak-gateway; {answer.cache_status}" if answer.cache_status else "siak-gateway"),
    )


@lru_cache(maxsize=4096)
def instant(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
