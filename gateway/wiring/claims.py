"""Who has which address: the gateway's own first, then each extension's, in the config's order.

An extension that claims what is taken, or stands where it may not, is left out; those before and after it go on.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.http.attachments import Attachments
from gateway.http.check import Check
from gateway.http.documents import DocumentRoutes
from gateway.http.page_files import PageFiles
from gateway.http.people import SignInPages
from gateway.http.residents import Residents
from gateway.http.staff import StaffPages
from gateway.http.submissions import Submissions
from gateway.http.system import Facts, System
from gateway.http.table import RouteFault, RouteTable, mount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.contract.web import Route
    from gateway.http.table import Mounted
    from gateway.registry.registry import Member

RESERVED = frozenset({"v1", "health", "apps", "openapi", "docs", "people", "assets", "language", "worker.js"})
"""First segments under which no absolute path stands, whatever a manifest says."""

_PARAMETER = re.compile(r"\{[^}:]*")


class Claims:
    """The addresses of one config, claimed one extension after the other.

    Args:
        routes: The gateway's own routes.
        both: Those of the operator listener that stand where public ones stand too.
        mounts: First segments of absolute paths, by the adapter whose manifest declares them.
    """

    def __init__(self, routes: Iterable[Route], both: Iterable[Route], mounts: Mapping[str, tuple[str, ...]]) -> None:
        own = [mount(route) for route in routes]
        self._mounts = mounts
        self._public = [one for one in own if one.route.rule.is_public]
        self._operator = [mount(route) for route in both]
        self._operator += [one for one in own if one.route.rule.is_operator]

    def claim(self, member: Member) -> None:
        """Take the addresses of an extension.

        Raises:
            RouteFault: One cannot be mounted, is taken, or stands where it may not; none is taken then.
        """
        mine = [mount(each.placed(), each.extension) for each in member.routes]
        for one, given in zip(mine, member.routes, strict=True):
            self._check_place(one, absolute=given.kind == "adapter" and given.route.absolute)
        public = [*self._public, *(one for one in mine if one.route.rule.is_public)]
        operator = [*self._operator, *(one for one in mine if one.route.rule.is_operator)]
        for each in (public, operator):
            RouteTable(_shape(one) for one in each)
        self._public, self._operator = public, operator

    def tables(self) -> tuple[RouteTable, RouteTable]:
        """The public listener's routes and the operator listener's."""
        return RouteTable(self._public), RouteTable(self._operator)

    def _check_place(self, one: Mounted, *, absolute: bool) -> None:
        if absolute and _first(one) not in set(self._mounts.get(one.extension, ())) - RESERVED:
            raise RouteFault(
                f"{one.extension}: {one.route.method} {one.route.path} is absolute, and its manifest's mounts do not "
                f"name {_first(one)}"
            )


def own_claims(mounts: Mapping[str, tuple[str, ...]]) -> Claims:
    """Claims beside the gateway's own routes, without a gateway that could answer them."""
    nobody: Any = None  # no route is called
    facts = Facts(nobody, nobody, nobody, nobody, 0.0)
    people = (SignInPages(nobody, nobody), StaffPages(nobody, nobody, ""))
    papers = (DocumentRoutes(nobody, nobody, nobody, nobody, nobody), Check(nobody, nobody, nobody, nobody))
    system = (System(facts, nobody), PageFiles(nobody))
    own = (Residents(nobody), Submissions(nobody, nobody), Attachments(nobody), *papers, *people, *system)
    routes = tuple(route for each in own for route in each.routes())
    return Claims(routes, System(facts, nobody, detailed=True).health_routes(), mounts)


def _first(one: Mounted) -> str:
    return one.route.path.split("/")[1]


def _shape(one: Mounted) -> Mounted:
    """The same with nameless parameters, so that `/a/{x}` and `/a/{y}` are one address."""
    numbers = iter(range(len(one.route.path)))
    path = _PARAMETER.sub(lambda _: f"{{p{next(numbers)}", one.route.path)
    return replace(one, route=replace(one.route, path=path))
