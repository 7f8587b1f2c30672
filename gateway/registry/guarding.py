"""Stands between the gateway and an extension's role objects: bounded in time, no error gets through but refusals.

| role | when it fails or takes too long |
| --- | --- |
| policy | the intent is refused with `Internal`, and the log names the extension |
| authenticator | it is passed over; without another one the caller stays unknown |
| health check | it counts as not ok |
| notifier | it tells nobody, or is asked again later |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from gateway.contract.errors import Denied, Internal, TooManyRequests, Unauthenticated
from gateway.contract.messages import Caller
from gateway.contract.roles import Allowed, Health, NotDelivered
from gateway.registry.bounding import within

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.contract.roles import Authenticator, HealthCheck, Intent, Notification, Notifier, Policy

POLICY_FAILED = "registry.policy.failed"
AUTHENTICATOR_FAILED = "registry.authenticator.failed"
HEALTH_CHECK_FAILED = "registry.health_check.failed"
NOTIFIER_FAILED = "registry.notifier.failed"

MOST_TARGETS = 20
"""Targets of one notification, at most; a name is at most `LONGEST_TARGET` characters long."""

LONGEST_TARGET = 100

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)

A = TypeVar("A")
log = structlog.get_logger()


class _Misbehaved(Exception):
    """An extension answered with something the contract does not know."""


def _expected(kind: type[A], answer: object) -> A:
    if isinstance(answer, kind):
        return answer
    raise _Misbehaved(f"the answer is a {type(answer).__name__}")


def _bounded(targets: Iterable[str]) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(targets))
    if len(named) > MOST_TARGETS or any(len(name) > LONGEST_TARGET for name in named):
        raise _Misbehaved("too many targets, or too long a name of one")
    return named


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


@dataclass(frozen=True, slots=True)
class GuardedNotifier:
    """A notifier of an extension.

    Attributes:
        extension: Whose it is.
        notifier: The notifier itself.
        timeout: Seconds one delivery may take.
    """

    extension: str
    notifier: Notifier
    timeout: float

    def targets(self, notification: Notification) -> Sequence[str]:
        """Whom it names; nobody if it fails."""
        try:
            return _bounded(_expected(str, name) for name in self.notifier.targets(notification))
        except Exception:
            log.exception(NOTIFIER_FAILED, extension=self.extension)
            return ()

    async def deliver(self, notification: Notification, target: str) -> None:
        """Tell one target.

        Raises:
            NotDelivered: It did not work, for whatever reason.
        """
        try:
            await within(self.timeout, self.notifier.deliver(notification, target))
        except NotDelivered as error:
            if _CODE.fullmatch(error.code):
                raise
            raise NotDelivered("failed", for_good=error.for_good, retry_after=error.retry_after) from None
        except TimeoutError:
            raise NotDelivered("timeout") from None
        except Exception as error:
            log.exception(NOTIFIER_FAILED, extension=self.extension)
            raise NotDelivered("failed") from error
