"""Finds the caller of a request: the core's own keys first, then what extensions registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract.errors import Denied, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.contract.messages import Caller
    from gateway.contract.roles import Authenticator
    from gateway.contract.web import Rule
    from gateway.flows.rights import Rights
    from gateway.people.callers import Callers, KnownKey

_SCHEME = "bearer "


class KeyDoor:
    """The door of the HTTP room.

    Args:
        callers: The core's keys.
        rights: What rights cover.
        authenticators: Asked in order when the request carries no key of ours.
    """

    def __init__(self, callers: Callers, rights: Rights, authenticators: Sequence[Authenticator] = ()) -> None:
        self._callers = callers
        self._rights = rights
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
