"""The verb *track*: where a submission stands, and what its caller or an operator does about it.

A caller sees and moves its own only; another's is *not found*, as if it did not exist.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from gateway.contract.errors import NotFound
from gateway.contract.submissions import Move, Standing, SubmissionMoved, SubmissionState
from gateway.flows.deeds import written
from gateway.ledger.exchange import Deed
from gateway.outbox.outbox import Wanted
from gateway.outbox.pace import expected

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.host import Clock
    from gateway.contract.messages import Caller
    from gateway.contract.submissions import Expected, Waiting
    from gateway.ledger.exchange import DeedRecorder
    from gateway.outbox.following import Following
    from gateway.outbox.notifying import Notifying
    from gateway.outbox.outbox import Act, Facts, Outbox

PAGE = 50
"""Submissions of one page of a list."""

PACE_EVERY: Final = 5.0
"""Seconds for which a measured pace is used."""

WITH_DOCUMENTS: Final = frozenset({SubmissionState.DELIVERED, SubmissionState.ISSUED})
"""States in which the centre may have issued something."""


class Listed(msgspec.Struct, frozen=True):
    """One page of a list, newest first.

    Attributes:
        standings: Without places and moves.
        following: Cursor of the next page; None at the end.
    """

    standings: tuple[Standing, ...]
    following: str | None


class Tracker:
    """Looks after submissions on behalf of callers and operators.

    Args:
        outbox: Where they are kept.
        following: Knows what the centre issued.
        notifying: Knows the pace of late.
        clock: The gateway's clock.
        tell: Told of each move.
        ledger: Each act is written down before it is done; None where the config switches it off.
    """

    def __init__(
        self,
        outbox: Outbox,
        following: Following,
        notifying: Notifying,
        clock: Clock,
        tell: Callable[[SubmissionMoved], None],
        ledger: DeedRecorder | None = None,
    ) -> None:
        self._outbox = outbox
        self._following = following
        self._notifying = notifying
        self._clock = clock
        self._tell = tell
        self._ledger = ledger
        self._pace: tuple[float, ...] = ()
        self._paced_until = -inf

    async def standing(self, caller: Caller, id_: str) -> Standing:
        """Where one of the caller's submissions stands; named by id or receipt number.

        Raises:
            NotFound: There is none, or it is another caller's.
        """
        return await self._whole(await self._own(caller, id_))

    async def page(
        self,
        caller: Caller,
        *,
        state: SubmissionState | None = None,
        service: str | None = None,
        village: str | None = None,
        cursor: str | None = None,
    ) -> Listed:
        """The caller's submissions, newest first."""
        wanted = Wanted(caller.id, state, service, village, before=cursor, limit=PAGE + 1)
        found = await self._outbox.page(wanted)
        shown = found[:PAGE]
        return Listed(tuple(map(_standing, shown)), shown[-1].id if len(found) > PAGE else None)

    async def cancel(self, caller: Caller, id_: str) -> Standing:
        """End one of the caller's submissions, of which certainly nothing was sent.

        Raises:
            NotFound: There is none, or it is another caller's.
            Conflict: It may have been sent, or has ended.
        """
        return await self._act(await self._own(caller, id_), "cancel", f"caller:{caller.id}", "")

    async def act(self, id_: str, act: Act, operator: str, reason: str) -> Standing:
        """An operator's act on anybody's submission.

        Raises:
            NotFound: There is none.
            Conflict: Its state does not allow it.
        """
        return await self._act(await self._known(id_), act, f"operator:{operator}", reason)

    async def waiting(self) -> tuple[Waiting, ...]:
        """How much waits for the centre, by class."""
        return await self._outbox.waiting()

    async def _act(self, before: Facts, act: Act, actor: str, reason: str) -> Standing:
        async with written(self._ledger, deed_on(before, act, actor)):
            after = await self._outbox.act(before.id, act, actor, reason)
        if after.moves != before.moves:
            moved = Move(after.moves, after.state_at, before.state, after.state, actor, reason)
            self._tell(SubmissionMoved(after.id, after.caller, after.adapter, after.service, after.village, moved))
        return await self._whole(after)

    async def _own(self, caller: Caller, id_: str) -> Facts:
        facts = await self._known(id_)
        if facts.caller != caller.id:
            raise NotFound
        return facts

    async def _known(self, id_: str) -> Facts:
        facts = await self._outbox.find(id_)
        if facts is None:
            raise NotFound
        return facts

    async def _whole(self, facts: Facts) -> Standing:
        place, moves = await self._outbox.place(facts.id), await self._outbox.moves(facts.id)
        documents = await self._following.documents(facts.id) if facts.state in WITH_DOCUMENTS else ()
        return replace(
            _standing(facts), place=place, moves=moves, expected=await self._expected(facts), documents=documents
        )

    async def _expected(self, facts: Facts) -> Expected | None:
        """When it will be at the centre; only of what is queued can anything be said."""
        ahead = await self._outbox.ahead(facts.id)
        if ahead is None:
            return None
        now = self._clock.monotonic()
        if now >= self._paced_until:
            self._pace = await self._notifying.pace()
            self._paced_until = now + PACE_EVERY
        return expected(ahead, self._pace, self._clock.now())


def deed_on(facts: Facts, act: Act, actor: str) -> Deed:
    """What the ledger is told of an act on a submission; whom that is about is told by the record of its hand-in."""
    who = actor.removeprefix("caller:")
    return Deed(
        act, who, facts.id, facts.service, facts.right if who == facts.caller else "", facts.adapter, facts.village
    )


def _standing(facts: Facts) -> Standing:
    return Standing(
        facts.receipt,
        facts.service,
        facts.village,
        facts.state_at,
        facts.reason,
        facts.held,
        facts.centre_receipt,
        priority=facts.priority,
    )
