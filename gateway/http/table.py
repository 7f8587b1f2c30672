"""The route table: every address of the gateway with its rule, found in one step on the hot path.

Addresses without parameters sit in a dictionary; the others are matched by Starlette's compiled paths in the order
they were mounted, of which only those are tried that have as many parts. A table is immutable; a reload builds a new
one.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import compile_path

from gateway.contract.errors import MethodNotAllowed, NotFound
from gateway.contract.web import Rule, Who
from gateway.http.bodies import BodyReader, RawReader
from gateway.http.ending import announcement_of
from gateway.http.forms import FormReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.contract.web import Route

NO_PATH_PARAMETERS: dict[str, str] = {}
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods a route may answer; HEAD comes with GET."""


class RouteFault(Exception):  # a fault of the programmer, shown at start
    """A route cannot be mounted."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A route in its place.

    Attributes:
        route: As declared, with its full path.
        extension: Name of the extension it belongs to, or `native`.
        reader: Checks and decodes the body, or hands it on raw; None when the route takes none.
        ending: Header fields of each of its answers, refusals included, where it will go.
    """

    route: Route
    extension: str
    reader: BodyReader | RawReader | None
    ending: tuple[tuple[str, str], ...] = ()


def mount(route: Route, extension: str = "native") -> Mounted:
    """Check a route that has its full path and rule, and make its body's reader.

    Raises:
        RouteFault: It has no rule, no known method, a path that does not begin with a slash, a body that is wanted
            in two ways (decoded, raw, streamed), described as raw though it is not or as a form without a body, or
            ends too soon; or it names roles or a listener and is not for people.
    """
    if not isinstance(route.rule, Rule):
        raise RouteFault(f"{extension}: {route.method} {route.path} has no rule")
    if not route.path.startswith("/") or route.method not in METHODS:
        raise RouteFault(f"{extension}: {route.method} {route.path} is not a method and path that can be served")
    if (route.body is not None) + route.raw + route.stream > 1:
        raise RouteFault(f"{extension}: {route.method} {route.path} wants its body in two ways")
    if route.raw_body is not None and not route.raw:
        raise RouteFault(f"{extension}: {route.method} {route.path} describes a raw body and takes none")
    if route.form and route.body is None:
        raise RouteFault(f"{extension}: {route.method} {route.path} is a form without a body")
    if route.rule.who not in {Who.PERSON, Who.HANDLER} and (route.rule.roles or route.rule.listener != "public"):
        raise RouteFault(f"{extension}: {route.method} {route.path} names roles or a listener and is not for people")
    try:
        ending = announcement_of(route)
    except ValueError as error:
        raise RouteFault(f"{extension}: {route.method} {route.path} {error}") from None
    return Mounted(route, extension, _reader(route), ending)


def _reader(route: Route) -> BodyReader | RawReader | None:
    if route.body is not None:
        return FormReader(route.body) if route.form else BodyReader(route.body)
    return RawReader() if route.raw else None


_Pattern = tuple[re.Pattern[str], dict[str, Mounted]]
_CONVERTER = re.compile(r"\{[^}]*:")
"""A parameter that may hold slashes, so that the parts of a path cannot be counted."""


class RouteTable:
    """All addresses of one listener.

    Args:
        mounted: The routes in their places.

    Raises:
        RouteFault: Two routes claim the same method and path.
    """

    def __init__(self, mounted: Iterable[Mounted]) -> None:
        self.mounted = tuple(mounted)
        self._under_way = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._exact: dict[str, dict[str, Mounted]] = {}
        self._patterns: dict[int, list[_Pattern]] = {}
        self._freely: list[_Pattern] = []
        by_pattern: dict[str, dict[str, Mounted]] = {}
        for one in self.mounted:
            by_method = by_pattern.setdefault(one.route.path, {})
            if one.route.method in by_method:
                raise RouteFault(f"{one.route.method} {one.route.path} is claimed twice")
            by_method[one.route.method] = one
        for path, by_method in by_pattern.items():
            if "GET" in by_method:
                by_method.setdefault("HEAD", by_method["GET"])
            if "{" in path:
                self._add_pattern(path, (compile_path(path)[0], by_method))
            else:
                self._exact[path] = by_method

    def _add_pattern(self, path: str, pattern: _Pattern) -> None:
        """Have a pattern tried where it may match, after those that were added before."""
        if _CONVERTER.search(path):
            self._freely.append(pattern)
            for tried in self._patterns.values():
                tried.append(pattern)
        else:
            self._patterns.setdefault(path.count("/"), [*self._freely]).append(pattern)

    def enter(self) -> None:
        """A request began under this table."""
        self._under_way += 1

    def leave(self) -> None:
        """A request that began under this table ended."""
        self._under_way -= 1
        if not self._under_way:
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                if not waiter.done():
                    waiter.set_result(None)

    async def idle(self) -> None:
        """Wait until no request that began under this table is under way."""
        if self._under_way:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def find(self, method: str, path: str) -> tuple[Mounted, Mapping[str, str]]:
        """The route that answers, with its path parameters.

        Raises:
            NotFound: No such address.
            MethodNotAllowed: The address answers other methods; they are named in `Allow`.
        """
        by_method, parameters = self._at(path)
        found = by_method.get(method)
        if found is None:
            raise MethodNotAllowed(headers=(("allow", ", ".join(sorted(by_method))),))
        return found, parameters

    def _at(self, path: str) -> tuple[dict[str, Mounted], Mapping[str, str]]:
        found = self._match(path) or self._where_another_stood(path)
        if found is None:
            raise NotFound("There is nothing at this address.")
        return found

    def _match(self, path: str) -> tuple[dict[str, Mounted], Mapping[str, str]] | None:
        exact = self._exact.get(path)
        if exact is not None:
            return exact, NO_PATH_PARAMETERS
        for pattern, by_method in self._patterns.get(path.count("/"), self._freely):
            match = pattern.match(path)
            if match is not None:
                return by_method, match.groupdict()
        return None

    def _where_another_stood(self, path: str) -> tuple[dict[str, Mounted], Mapping[str, str]] | None:
        """Absolute routes also with more slashes around their path, which other frameworks overlook."""
        tidy = f"/{path.strip('/')}"
        found = self._match(tidy) if tidy != path else None
        return found if found is not None and all(one.route.absolute for one in found[0].values()) else None
