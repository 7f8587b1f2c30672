"""The route table: what may be mounted, what is found, and when nothing is under way any more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.contract.errors import MethodNotAllowed, NotFound
from gateway.contract.web import PUBLIC, Response, Route
from gateway.http.table import RouteFault, RouteTable, mount

if TYPE_CHECKING:
    from gateway.contract.web import Request


class Thing(msgspec.Struct):
    """A body."""


async def nothing(_request: Request) -> Response:
    """Answer nothing."""
    return Response()


PLAIN = Route("GET", "/things", PUBLIC, nothing, "Things", "Benda")


def route(**changes: Any) -> Route:
    """The plain route with some facts changed."""
    return replace(PLAIN, **changes)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (route(rule=None), "ours: GET /things has no rule"),
        (route(rule="public"), "has no rule"),
        (route(path="things"), "not a method and path that can be served"),
        (route(path=""), "not a method and path that can be served"),
        (route(method="get"), "not a method and path that can be served"),
        (route(method="BREW"), "not a method and path that can be served"),
        (route(method="POST", body=Thing, raw=True), "wants its body in two ways"),
        (route(method="POST", raw=True, stream=True), "wants its body in two ways"),
        (route(method="POST", raw_body=Thing), "describes a raw body and takes none"),
    ],
)
def test_a_route_without_rule_method_or_path_does_not_start(wrong: Route, text: str) -> None:
    """Each fault of a route is told with the extension it belongs to."""
    with pytest.raises(RouteFault, match=text):
        mount(wrong, "ours")


def test_an_address_is_claimed_once() -> None:
    """Two routes for one method and path do not start, whoever they belong to."""
    with pytest.raises(RouteFault, match="GET /things is claimed twice"):
        RouteTable([mount(PLAIN), mount(PLAIN, "other")])


def test_routes_are_found_by_method_and_path() -> None:
    """Plain addresses come before patterns; patterns hand over their parameters; GET serves HEAD too."""
    routes = [route(path="/things/{id}"), route(path="/things/all"), route(path="/things/{id}", method="POST"), PLAIN]
    table = RouteTable([mount(one) for one in routes])
    assert table.find("GET", "/things")[0].route is PLAIN
    assert table.find("HEAD", "/things")[0].route is PLAIN
    assert table.find("GET", "/things/all")[0].route is routes[1]
    found, parameters = table.find("POST", "/things/7")
    assert (found.route, dict(parameters)) == (routes[2], {"id": "7"})
    with pytest.raises(NotFound):
        table.find("GET", "/things/7/8")
    with pytest.raises(MethodNotAllowed) as refused:
        table.find("DELETE", "/things/7")
    assert refused.value.headers == (("allow", "GET, HEAD, POST"),)


def test_patterns_of_any_length_keep_their_place_in_the_order() -> None:
    """One that may hold slashes is tried before those mounted after it, and after those mounted before it."""
    routes = [route(path="/a/{x}/{y}"), route(path="/a/{rest:path}"), route(path="/a/{x}"), route(path="/{x}/b/{y}/c")]
    table = RouteTable([mount(one) for one in routes])
    found = {path: table.find("GET", path) for path in ("/a/1/2", "/a/1", "/a/1/2/3/4", "/z/b/1/c", "/a/b/1/c")}
    places = {path: (routes.index(one.route), dict(parameters)) for path, (one, parameters) in found.items()}
    assert places == {
        "/a/1/2": (0, {"x": "1", "y": "2"}),
        "/a/1": (1, {"rest": "1"}),
        "/a/1/2/3/4": (1, {"rest": "1/2/3/4"}),
        "/z/b/1/c": (3, {"x": "z", "y": "1"}),
        "/a/b/1/c": (1, {"rest": "b/1/c"}),
    }
    for path in ("/b/1", "/a", "/a/", "//a/1"):
        with pytest.raises(NotFound):
            RouteTable([mount(routes[0]), mount(routes[2])]).find("GET", path)


@pytest.mark.parametrize("path", ["/old/a/ask/", "//old/a/ask", "///old/a/ask//"])
def test_more_slashes_mean_the_same_where_another_service_stood(path: str) -> None:
    """Absolute routes only: at our own addresses a slash more is another address."""
    table = RouteTable([mount(route(path="/old/{who}/ask", absolute=True)), mount(PLAIN)])
    found, parameters = table.find("GET", path)
    assert (found.route.path, dict(parameters)) == ("/old/{who}/ask", {"who": "a"})
    for wrong in ("/things/", "//things", "/old/a//ask", "//"):
        with pytest.raises(NotFound):
            table.find("GET", wrong)


def test_it_is_idle_once_the_last_request_ended() -> None:
    """Whoever waits for the end of all requests is told when the last one left, and not before."""

    async def story() -> list[str]:
        told = []
        table = RouteTable([])
        await table.idle()
        table.enter()
        table.enter()
        waiting = asyncio.ensure_future(table.idle())
        given_up = asyncio.ensure_future(table.idle())
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        table.leave()
        await asyncio.sleep(0)
        told.append("waiting" if not waiting.done() else "told early")
        table.leave()
        await waiting
        return told

    assert asyncio.run(story()) == ["waiting"]
