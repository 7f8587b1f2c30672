"""A route that will go says so in every answer, in the document, and a year ahead."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

import pytest

from gateway.contract.errors import NotFound
from gateway.contract.web import PUBLIC, Ending, Request, Response, Route
from gateway.http.openapi import document
from gateway.http.table import RouteFault, mount

ENDS = Ending(since=date(2026, 12, 1), gone=date(2027, 12, 31), instead="/docs/changes")
REQUEST = Request(None, None, {}, {}, {}, "q", 0.0)


async def answer(_request: Request) -> Response:
    """A good one."""
    return Response(headers=(("x-own", "1"),))


async def refuse(_request: Request) -> Response:
    """A refusal."""
    raise NotFound


def route(handler: object = answer, ends: Ending | None = ENDS) -> Route:
    """A route with an ending."""
    return Route("GET", "/old", PUBLIC, handler, "Old.", "Lama.", ends=ends)  # type: ignore[arg-type] # one of the two


def heard(handler: object) -> Response:
    """What a mounted route answers."""

    async def ask() -> Response:
        return await mount(route(handler)).route.handler(REQUEST)

    return asyncio.run(ask())


def told(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Header fields by name, the ending's checked."""
    fields = dict(headers)
    assert fields["deprecation"] == f"@{int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())}"
    assert parsedate_to_datetime(fields["sunset"]) == datetime(2027, 12, 31, tzinfo=UTC)
    assert fields["link"] == '</docs/changes>; rel="deprecation"; type="text/html"'
    return fields


def test_good_answers_and_refusals_say_when_it_ends() -> None:
    """`Deprecation`, `Sunset` and `Link` stand beside the answer's own fields."""
    assert told(heard(answer).headers)["x-own"] == "1"
    with pytest.raises(NotFound) as refused:
        heard(refuse)
    told(refused.value.headers)


def test_the_document_marks_it() -> None:
    """OpenAPI says `deprecated`; a route that stays is not marked."""
    for ends, marked in ((ENDS, True), (None, False)):
        operation = document([mount(route(ends=ends))], title="t", version="1", purposes=())["paths"]["/old"]["get"]
        assert operation.get("deprecated", False) is marked


def test_an_end_that_comes_too_soon_does_not_start() -> None:
    """Callers are promised a year."""
    with pytest.raises(RouteFault, match="ends 30 days after its notice, not 365"):
        mount(route(ends=Ending(date(2026, 12, 1), date(2026, 12, 31), "/docs/changes")))
