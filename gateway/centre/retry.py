"""Trying again: rarely, jittered, within the deadline, and never more than a tenth of all calls.

Every question is a read and may be repeated, whether or not it reached the centre. What another try cannot mend
is given back at once: refusals of the centre, our own refusals, and maintenance (no pause that fits a deadline
outlasts it).

A refusal on the way to another try (breaker, limiter, allowance) says nothing about the try before it: the asker is
told how that one ended, and that the centre may have acted on it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from gateway.centre.link import carry, renewed
from gateway.centre.verdict import Refuse, Wait
from gateway.contract.errors import CentreMisanswered, CentreTimeout, CentreUnreachable, GatewayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from gateway.centre.link import Link
    from gateway.contract.errors import Executed
    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Call
    from gateway.settings.centre import RetrySettings

log = structlog.get_logger()

MENDABLE = (CentreUnreachable, CentreTimeout, CentreMisanswered)
"""What another try may mend."""

SAVED = 10.0
"""Retries that unused budget may add up to."""


class RetryPolicy:
    """Decides whether and when to try again (pure).

    The budget is a bucket: each call puts in `budget` of a retry, each retry takes out one. It starts empty, so
    over any history retries ≤ budget x calls.
    """

    def __init__(self, settings: RetrySettings, random: Random) -> None:
        self._settings = settings
        self._random = random
        self._saved = 0.0

    def began(self) -> None:
        """A call (not a retry) began."""
        self._saved = min(SAVED, self._saved + self._settings.budget)

    def offer(self, now: float, *, tried: int, error: GatewayError, deadline: float) -> Wait | Refuse:
        """Whether to try again after a failure, and after which pause.

        Args:
            now: Monotonic seconds.
            tried: Tries made so far.
            error: How the last one ended.
            deadline: Monotonic seconds after which nobody waits.
        """
        if not isinstance(error, MENDABLE):
            return Refuse(0.0, "not_mendable")
        if tried >= self._settings.attempts:
            return Refuse(0.0, "attempts")
        pause = max(self._pause(tried), error.retry_after or 0.0)
        if now + pause >= deadline:
            return Refuse(0.0, "deadline")
        if self._saved < 1.0 - 1e-9:
            return Refuse(0.0, "budget")
        self._saved -= 1.0
        return Wait(pause)

    def _pause(self, tried: int) -> float:
        """Full jitter: anything from nothing to the doubled bound."""
        return self._random.uniform(0.0, min(self._settings.cap, self._settings.base * 2.0 ** (tried - 1)))


class Retry:
    """The link that tries again.

    Args:
        inner: Next link.
        settings: Knobs.
        clock: The gateway's clock.
        random: Source of jitter.
        sleep: How a pause is waited out.
    """

    def __init__(
        self,
        inner: Link,
        settings: RetrySettings,
        *,
        clock: Clock,
        random: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._inner = inner
        self._policy = RetryPolicy(settings, random)
        self._clock = clock
        self._sleep = sleep

    async def ask(self, call: Call) -> Answer:
        """The answer of the first try that has one.

        Raises:
            GatewayError: What the last try that was sent ended with; `executed` holds for all of them together.
        """
        carried = carry(call)
        flight = carried.flight
        self._policy.began()
        tried = 0
        before: GatewayError | None = None
        while True:
            tried += 1
            flight.sent = False
            try:
                return await self._inner.ask(carried)
            except GatewayError as error:
                told = error if before is None else _told(before, error, sent=flight.sent)
                verdict = self._policy.offer(
                    self._clock.monotonic(), tried=tried, error=error, deadline=flight.deadline
                )
                if isinstance(verdict, Refuse):
                    if told is error:
                        raise
                    raise told from error
                before = told
                log.info(
                    "centre.retry.waiting",
                    service=carried.question.service,
                    request_id=carried.request_id,
                    tried=tried,
                    error=error.code,
                    pause=round(verdict.after, 3),
                )
            await self._sleep(verdict.after)


_SURER: tuple[Executed, ...] = ("no", "unknown", "yes")


def _told(before: GatewayError, error: GatewayError, *, sent: bool) -> GatewayError:
    """How a try and those before it ended, told as one.

    Args:
        before: How those before it ended.
        error: How it ended.
        sent: Whether it was handed to the client; if not, `error` is a refusal of our own.
    """
    if not sent:
        told = renewed(before)
        told.retry_after = error.retry_after if before.retry_after is None else before.retry_after
        return told
    if _SURER.index(error.executed) >= _SURER.index(before.executed):
        return error
    told = renewed(error)
    told.executed = before.executed
    return told
