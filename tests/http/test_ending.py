"""A route that will go says so in every answer, in the document, and a year ahead."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.contract.errors import NotFound, Unauthenticated
from gateway.contract.web import CALLER, PUBLIC, Ending, Response, Route
from gateway.http.application import Application, Limits
from gateway.http.openapi import document
from gateway.http.table import RouteFault, RouteTable, mount
from gateway.wiring.clock import SystemClock
from tests.http.people import NoPeople

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.messages import Caller
    from gateway.contract.web import Request, Rule

ENDS = Ending(since=date(2026, 12, 1), gone=date(2027, 12, 31), instead="/docs/changes")
LIMITS = Limits(body=1000, headers=4000, deadline=5.0, deadline_max=10.0)
SHARED = Response(headers=(("x-own", "1"),))


class Note(msgspec.Struct):
    """A body."""

    text: str


class ShutDoor(NoPeople):
    """Knows nobody."""

    async def authenticate(self, _headers: Mapping[str, str]) -> Caller:
        """Refuse."""
        raise Unauthenticated

    def permit(self, caller: Caller, rule: Rule) -> None:
        """Never asked."""


async def answer(_request: Request) -> Response:
    """A good one, the same object each time."""
    return SHARED


async def refuse(_request: Request) -> Response:
    """A refusal."""
    raise NotFound


async def fail(_request: Request) -> Response:
    """A fault of its own."""
    raise LookupError


def route(handler: object = answer, ends: Ending | None = ENDS) -> Route:
    """A route with an ending."""
    return Route("GET", "/old", PUBLIC, handler, "Old.", "Lama.", ends=ends)  # type: ignore[arg-type] # one of the two


def heard(route: Route, *, times: int = 1, draining: bool = False) -> tuple[int, list[tuple[str, str]]]:
    """Status and fields of the last of so many answers, over ASGI."""
    application = Application(RouteTable([mount(route)]), ShutDoor(), LIMITS, SystemClock())
    application.draining = draining
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")] if route.body else []
    scope = {"type": "http", "method": route.method, "path": "/old", "query_string": b"", "headers": headers}

    async def ask() -> None:
        for _ in range(times):
            await application(scope, receive, send)

    asyncio.run(ask())
    start = [message for message in sent if message["type"] == "http.response.start"][-1]
    return start["status"], [(name.decode(), value.decode()) for name, value in start["headers"]]


def told(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Header fields by name, the ending's checked."""
    fields = dict(headers)
    assert len(fields) == len(headers)
    assert fields["deprecation"] == f"@{int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())}"
    assert parsedate_to_datetime(fields["sunset"]) == datetime(2027, 12, 31, tzinfo=UTC)
    assert fields["link"] == '</docs/changes>; rel="deprecation"; type="text/html"'
    return fields


def test_good_answers_and_refusals_say_when_it_ends() -> None:
    """`Deprecation`, `Sunset` and `Link` stand beside the answer's own fields, whoever refuses."""
    cases = [
        (route(), 200),
        (route(refuse), 404),
        (route(fail), 500),
        (replace(route(), rule=CALLER), 401),
        (replace(route(), method="POST", body=Note), 422),
    ]
    for one, status in cases:
        got, fields = heard(one)
        assert got == status
        told(fields)
    got, fields = heard(route(), draining=True)
    assert (got, bool(told(fields))) == (503, True)


def test_a_response_that_is_given_again_stays_as_it_is() -> None:
    """A handler that gives one object each time finds it unchanged, and its answers do not grow."""
    _, fields = heard(route(), times=3)
    assert told(fields)["x-own"] == "1"
    assert SHARED.headers == (("x-own", "1"),)


def test_a_route_that_stays_says_nothing() -> None:
    """No field of an ending."""
    _, fields = heard(route(ends=None))
    assert {"deprecation", "sunset", "link"}.isdisjoint(dict(fields))


def test_the_document_marks_it() -> None:
    """OpenAPI says `deprecated`; a route that stays is not marked."""
    for ends, marked in ((ENDS, True), (None, False)):
        operation = document([mount(route(ends=ends))], title="t", version="1", purposes=())["paths"]["/old"]["get"]
        assert operation.get("deprecated", False) is marked


def test_an_end_that_comes_too_soon_does_not_start() -> None:
    """Callers are promised a year."""
    with pytest.raises(RouteFault, match="ends 30 days after its notice, not 365"):
        mount(route(ends=Ending(date(2026, 12, 1), date(2026, 12, 31), "/docs/changes")))


def test_a_page_whose_address_is_no_text_of_a_header_does_not_start() -> None:
    """Every answer would carry it."""
    with pytest.raises(RouteFault, match="one line of ASCII"):
        mount(route(ends=replace(ENDS, instead="/docs\r\nx: 1")))
