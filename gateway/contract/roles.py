"""Objects an extension may register; each acts per request through one method.

| role | when it acts | what it may do |
| --- | --- | --- |
| `Authenticator` | a request carries no `Authorization: Bearer sgw_…` that the core knows | name the caller, or pass |
| `Policy` | after the core's own checks, before anything is asked | refuse; it can never allow more |
| `HealthCheck` | `/health/ready`, `/v1/services`, `doctor` | say how its extension is |

Each call is bounded in time and isolated: an error is logged and counts as the extension's own failure. A policy
that fails refuses (deny by default) with `internal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.messages import Caller, CentreService


@dataclass(frozen=True, slots=True)
class Intent:
    """What a caller is about to do, for policies.

    Attributes:
        verb: The act.
        caller: Who.
        service: The centre's service it concerns.
        purpose: Purpose code.
        village: Village it is done for; empty if unknown.
        adapter: Extension it came through, or `native`.
        request_id: Correlation id.
    """

    verb: Literal["ask"]
    caller: Caller
    service: CentreService
    purpose: str
    village: str
    adapter: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """A policy lets the intent pass.

    Attributes:
        headers: Extra response headers, such as `RateLimit`; empty for none.
    """

    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """How an extension is.

    Attributes:
        ok: Whether it can do its work.
        detail: One line for admins, without personal data.
    """

    ok: bool
    detail: str = ""


class Authenticator(Protocol):
    """Finds the caller in a request's headers (names in lower case)."""

    async def authenticate(self, headers: Mapping[str, str]) -> Caller | None:
        """The caller, or None to pass; raises `Unauthenticated` to refuse."""


class Policy(Protocol):
    """May refuse an intent, never widen a right."""

    async def before(self, intent: Intent) -> Allowed:
        """Let it pass, or raise `Denied` or `TooManyRequests`."""


class HealthCheck(Protocol):
    """Says how its extension is."""

    async def check(self) -> Health:
        """The health now; must not ask the centre."""
