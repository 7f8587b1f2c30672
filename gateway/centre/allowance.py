"""The link that spends a right's daily allowance, one attempt at a time, and sends nothing once it is gone.

An attempt that certainly never reached the centre is given back. Counts are saved behind: a crash may lose those of
the last moment, which the centre's own count (`quotaLimiter`) mends with its next answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gateway.centre.allowance_book import AllowanceBook
from gateway.centre.link import carry
from gateway.centre.verdict import Refuse
from gateway.centre.write_behind import WriteBehind
from gateway.contract.errors import (
    CentreTimeout,
    CentreUnavailable,
    CentreUnreachable,
    GatewayError,
    Maintenance,
    Overloaded,
    QuotaExhausted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random
    from zoneinfo import ZoneInfo

    from gateway.centre.allowance_store import AllowanceStore
    from gateway.centre.link import Carried, Link
    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Call, Right
    from gateway.settings.centre import AllowanceSettings

log = structlog.get_logger()

UNSEEN = (CentreUnreachable, CentreUnavailable, CentreTimeout, Maintenance, Overloaded)
"""Errors of attempts that, unless executed, the centre did not count."""


class Allowance:
    """The link that counts.

    Args:
        inner: Next link.
        settings: Reserves and alarm.
        rights: Rights by name.
        zone: Zone in which the centre's day begins.
        store: Where counts outlive the process; None keeps them in memory only.
        clock: The gateway's clock.
        random: Source of jitter.
    """

    def __init__(
        self,
        inner: Link,
        settings: AllowanceSettings,
        *,
        rights: Mapping[str, Right],
        zone: ZoneInfo,
        store: AllowanceStore | None,
        clock: Clock,
        random: Random,
    ) -> None:
        self._inner = inner
        self._store = store
        self._clock = clock
        self._random = random
        self._book = AllowanceBook(rights, settings, zone=zone, random=random)
        self._behind: WriteBehind[str, None] = WriteBehind(self._save, name="allowance")

    async def open(self) -> None:
        """Load what was spent before.

        Raises:
            StorageUnavailable: It cannot be read.
        """
        if self._store is not None:
            self._book.load(await self._store.load())

    async def flush(self) -> None:
        """Save what was spent until now, and learn what other instances spent."""
        await self._behind.flush()

    async def close(self) -> None:
        """Save what was spent."""
        await self._behind.close()

    def replace_rights(self, rights: Mapping[str, Right]) -> None:
        """Take over a reloaded config; what was spent stays spent."""
        self._book.replace_rights(rights)

    def left(self, right: str) -> int | None:
        """Attempts a right has left today, or None if nothing limits them."""
        return self._book.left(self._clock.now(), right)

    async def ask(self, call: Call) -> Answer:
        """Spend an attempt and go on.

        Raises:
            QuotaExhausted: Nothing is left; nothing was sent. `retry_after` leads past the reset.
            GatewayError: What the links below say.
        """
        carried = carry(call)
        service = carried.question.service
        verdict = self._book.offer(self._clock.now(), carried.right, service)
        if isinstance(verdict, Refuse):
            log.info("centre.allowance.refused", right=carried.right, service=service, reason=verdict.reason)
            raise QuotaExhausted(retry_after=verdict.after)
        try:
            return await self._spend(carried)
        except QuotaExhausted as error:
            refused = self._book.offer(self._clock.now(), carried.right, service)
            after = refused.after if isinstance(refused, Refuse) else error.retry_after
            raise QuotaExhausted(error.detail, retry_after=after, executed=error.executed) from error

    async def _spend(self, carried: Carried) -> Answer:
        """One attempt, settled by how it ends: also a cancelled one is given back if it was never sent."""
        flight = carried.flight
        flight.sent = False
        spent = self._book.spend(self._clock.now(), carried.right, carried.question.service)
        left: int | None = None
        exhausted = False
        answered = False
        reached: bool | None = None
        try:
            answer = await self._inner.ask(carried)
            reached, left, answered = True, answer.reply.quota_left, True
        except GatewayError as error:
            exhausted = isinstance(error, QuotaExhausted)
            reached = not (isinstance(error, UNSEEN) and error.executed == "no")
            raise
        finally:
            sent = flight.sent if reached is None else reached
            if self._book.settle(spent, sent=sent, quota_left=left, exhausted=exhausted, answered=answered):
                log.warning("centre.allowance.resumed", right=carried.right)
            self._note(carried.right)
        return answer

    def _note(self, right: str) -> None:
        """Have the counts saved, and warn once when little is left."""
        if self._store is not None:
            self._behind.put(right, None)
        reached = self._book.alarm(right)
        if reached is not None:
            log.warning("centre.allowance.alarm", right=right, used=reached[0], whole=reached[1])

    async def _save(self, rights: dict[str, None]) -> None:
        if self._store is not None:
            rows = [row for right in rights for row in self._book.unsaved(right)]
            self._book.saved(rows, await self._store.add(rows))
