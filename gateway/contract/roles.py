"""Objects an extension may register; each acts per request through one method.

| role | when it acts | what it may do |
| --- | --- | --- |
| `Authenticator` | a request carries no `Authorization: Bearer sgw_…` that the core knows | name the caller, or pass |
| `Policy` | after the core's own checks, before anything is asked | refuse; it can never allow more |
| `HealthCheck` | `/health/ready`, `/v1/services`, `doctor` | say how its extension is |
| `Notifier` | after a stored move of a submission, until it succeeds or a day is over | tell somebody outside |

Each call is bounded in time and isolated: an error is logged and counts as the extension's own failure. A policy
that fails refuses (deny by default) with `internal`; a notifier that fails is asked again later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.contract.messages import Caller, CentreService
    from gateway.contract.submissions import SubmissionState


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


@dataclass(frozen=True, slots=True)
class Notification:
    """A submission moved, and its caller may want to hear of it; no personal data.

    Attributes:
        id: The same at every try, for whoever may hear it twice.
        caller: Id of the caller who handed it in.
        caller_name: What admins call that caller; empty if it is gone.
        submission: The submission's id.
        sequence: Number of the move within the submission: of two, the higher one is the newer.
        service: Service of the centre.
        village: Village code.
        before: State until then.
        after: State from then on.
        reason: A stable word or the centre's coded reason; may be empty.
        at: When, Unix seconds.
    """

    id: str
    caller: str
    caller_name: str
    submission: str
    sequence: int
    service: str
    village: str
    before: SubmissionState
    after: SubmissionState
    reason: str
    at: float


class NotDelivered(Exception):
    """A notifier could not tell a target.

    Args:
        code: A stable word for admins, such as `http_500`; letters, digits and underscores. No personal data.
        for_good: It is of no use to try again; the notification is put aside for a person at once.
        retry_after: Seconds the target wants to be left alone; None if it did not say.
    """

    def __init__(self, code: str, *, for_good: bool = False, retry_after: float | None = None) -> None:
        self.code = code
        self.for_good = for_good
        self.retry_after = retry_after
        super().__init__(code)


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


class Notifier(Protocol):
    """Tells somebody outside of a submission's moves, at least once each."""

    def targets(self, notification: Notification) -> Sequence[str]:
        """Whom it would tell of this, each by a name that stays the same; quick, no I/O. Nobody is a good answer."""

    async def deliver(self, notification: Notification, target: str) -> None:
        """Tell one target; raises `NotDelivered`, or anything else, to be asked again after a pause."""
