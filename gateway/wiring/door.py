"""Finds who asks: callers by the core's own keys, then by what extensions registered; people by their sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract.errors import Denied, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.contract.errors import GatewayError
    from gateway.contract.messages import Caller
    from gateway.contract.roles import Authenticator
    from gateway.contract.web import Response, Route, Rule
    from gateway.flows.rights import Rights
    from gateway.http.entrance import Admitted, Entrance
    from gateway.people.callers import Callers, KnownKey

_SCHEME = "bearer "


class KeyDoor:
    """The door of the HTTP room.

    Args:
        callers: The core's keys.
        rights: What rights cover.
        entrance: Finds people who are signed in.
        authenticators: Asked in order when the request carries no key of ours.
    """

    def __init__(
        self, callers: Callers, rights: Rights, entrance: Entrance, authenticators: Sequence[Authenticator] = ()
    ) -> None:
        self._callers = callers
        self._rights = rights
        self._entrance = entrance
        self._authenticators = tuple(authenticators)

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """The caller of a request.

        Raises:
            Unauthenticated: No valid key, and no extension knows the caller.
        """
        given = headers.get("authorization", "")
        if given[:7].lower() == _SCHEME and given[7:11] == "sgw_":
            return self._callers.find(given[7:])
        for authenticator in self._authenticators:
            caller = await authenticator.authenticate(headers)
            if caller is not None:
                return caller
        raise Unauthenticated

    def known_key(self, key: str) -> KnownKey:
        """A key of ours that an extension acts under."""
        return self._callers.known(key)

    def permit(self, caller: Caller, rule: Rule) -> None:
        """Pass, or refuse a key that the rule does not admit.

        Raises:
            Denied: The key is bound to another adapter, or its right does not cover the rule's service.
        """
        if caller.adapter != rule.adapter:
            raise Denied("This key is bound to another adapter.")
        if rule.service is not None:
            self._rights.covering(caller, rule.service)

    async def enter(self, rule: Rule, method: str, headers: Mapping[str, str]) -> Admitted:
        """Who is signed in; see `Entrance.enter`."""
        return await self._entrance.enter(rule, method, headers)

    def check_token(self, bound_to: str, headers: Mapping[str, str], content: object) -> None:
        """Pass what carries a token made for that session; see `Entrance.check_token`."""
        self._entrance.check_token(bound_to, headers, content)

    def refused(
        self, error: GatewayError, route: Route, method: str, where: str, headers: Mapping[str, str], request_id: str
    ) -> Response | None:
        """The page that tells people of a refusal; see `Entrance.refused`."""
        return self._entrance.refused(error, route, method, where, headers, request_id)
