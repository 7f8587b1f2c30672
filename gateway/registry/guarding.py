"""Stands between the gateway and an extension's role objects: bounded in time, no error gets through but refusals.

| role | when it fails or takes too long |
| --- | --- |
| policy | the intent is refused with `Internal`, and the log names the extension |
| authenticator | it is passed over; without another one the caller stays unknown |
| health check | it counts as not ok |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from gateway.contract.errors import Denied, Internal, TooManyRequests, Unauthenticated
from gateway.contract.messages import Caller
from gateway.contract.roles import Allowed, Health
from gateway.registry.bounding import within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.roles import Authenticator, HealthCheck, Intent, Policy

POLICY_FAILED = "registry.policy.failed"
AUTHENTICATOR_FAILED = "registry.authenticator.failed"
HEALTH_CHECK_FAILED = "registry.health_check.failed"

A = TypeVar("A")
log = structlog.get_logger()


class _Misbehaved(Exception):
    """An extension answered with something the contract does not know."""


def _expected(kind: type[A], answer: object) -> A:
    if isinstance(answer, kind):
        return answer
    raise _Misbehaved(f"the answer is a {type(answer).__name__}")


@dataclass(frozen=True, slots=True)
class GuardedPolicy:
    """A policy of an extension.

    Attributes:
        extension: Whose it is.
        policy: The policy itself.
        timeout: Seconds it may take.
    """

    extension: str
    policy: Policy
    timeout: float

    async def before(self, intent: Intent) -> Allowed:
        """Let the intent pass.

        Raises:
            Denied: The policy refuses.
            TooManyRequests: The policy refuses for now.
            Internal: The policy failed; nothing was sent.
        """
        try:
            return _expected(Allowed, await within(self.timeout, self.policy.before(intent)))
        except (Denied, TooManyRequests):
            raise
        except Exception as error:
            log.exception(POLICY_FAILED, extension=self.extension, request_id=intent.request_id)
            raise Internal(executed="no") from error


@dataclass(frozen=True, slots=True)
class GuardedAuthenticator:
    """An authenticator of an extension.

    Attributes:
        extension: Whose it is.
        authenticator: The authenticator itself.
        timeout: Seconds it may take.
    """

    extension: str
    authenticator: Authenticator
    timeout: float

    async def authenticate(self, headers: Mapping[str, str]) -> Caller | None:
        """The caller, or None to pass.

        Raises:
            Unauthenticated: The authenticator refuses.
        """
        try:
            caller = await within(self.timeout, self.authenticator.authenticate(headers))
            return None if caller is None else _expected(Caller, caller)
        except Unauthenticated:
            raise
        except Exception:
            log.exception(AUTHENTICATOR_FAILED, extension=self.extension)
            return None


@dataclass(frozen=True, slots=True)
class GuardedHealthCheck:
    """A health check of an extension.

    Attributes:
        extension: Whose it is.
        health_check: The check itself.
        timeout: Seconds it may take.
    """

    extension: str
    health_check: HealthCheck
    timeout: float

    async def check(self) -> Health:
        """The health now; a check that fails or takes too long is not ok."""
        try:
            return _expected(Health, await within(self.timeout, self.health_check.check()))
        except Exception:
            log.exception(HEALTH_CHECK_FAILED, extension=self.extension)
            return Health(ok=False, detail="its health check failed; see the log")
