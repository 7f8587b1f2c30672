"""Routes that will go: every answer of theirs says since when, until when, and what takes their place.

`Deprecation` is RFC 9745, `Sunset` RFC 8594, both as dates at midnight UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from gateway.contract.web import Ending, Route

SHORTEST_DAYS = 365
"""Days between the notice and the end, at least; `docs/how-to/changes-and-deprecations.md` promises it."""


def announcement_of(route: Route) -> tuple[tuple[str, str], ...]:
    """The header fields of every answer of a route, refusals included; none for a route that stays.

    Raises:
        ValueError: The end comes sooner than promised to callers, or the page's address is no header's text.
    """
    ends = route.ends
    if ends is None:
        return ()
    if (ends.gone - ends.since).days < SHORTEST_DAYS:
        raise ValueError(f"ends {(ends.gone - ends.since).days} days after its notice, not {SHORTEST_DAYS}")
    if not (ends.instead.isprintable() and ends.instead.isascii()):
        raise ValueError("names a page whose address is not one line of ASCII text")
    return headers_of(ends)


def headers_of(ends: Ending) -> tuple[tuple[str, str], ...]:
    """The three header fields of an ending."""
    since, gone = _midnight(ends.since), _midnight(ends.gone)
    return (
        ("deprecation", f"@{int(since.timestamp())}"),
        ("sunset", format_datetime(gone, usegmt=True)),
        ("link", f'<{ends.instead}>; rel="deprecation"; type="text/html"'),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
