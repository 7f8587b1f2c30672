"""Routes that will go: every answer of theirs says since when, until when, and what takes their place.

`Deprecation` is RFC 9745, `Sunset` RFC 8594, both as dates at midnight UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from email.utils import format_datetime
from typing import TYPE_CHECKING

from gateway.contract.errors import GatewayError

if TYPE_CHECKING:
    from datetime import date

    from gateway.contract.web import Ending, Request, Response, Route

SHORTEST_DAYS = 365
"""Days between the notice and the end, at least; `docs/how-to/changes-and-deprecations.md` promises it."""


def announced(route: Route) -> Route:
    """The route, with its ending in the header fields of every answer, refusals included.

    Raises:
        ValueError: The end comes sooner than promised to callers.
    """
    ends = route.ends
    if ends is None:
        return route
    if (ends.gone - ends.since).days < SHORTEST_DAYS:
        raise ValueError(f"ends {(ends.gone - ends.since).days} days after its notice, not {SHORTEST_DAYS}")
    headers = headers_of(ends)

    async def handler(request: Request) -> Response:
        try:
            response = await route.handler(request)
        except GatewayError as error:
            error.headers = (*error.headers, *headers)  # raised for this request alone
            raise
        response.headers = (*response.headers, *headers)
        return response

    return replace(route, handler=handler)


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
