"""The verb *track*: where a submission stands, and what its caller or an operator does about it.

A caller sees and moves its own only; another's is *not found*, as if it did not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.contract.errors import NotFound
from gateway.contract.submissions import Move, Standing, SubmissionMoved
from gateway.outbox.outbox import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.messages import Caller
    from gateway.contract.submissions import SubmissionState, Waiting
    from gateway.outbox.outbox import Act, Facts, Outbox

PAGE = 50
"""Submissions of one page of a list."""


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
        tell: Told of each move.
    """

    def __init__(self, outbox: Outbox, tell: Callable[[SubmissionMoved], None]) -> None:
        self._outbox = outbox
        self._tell = tell

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
        wanted = Wanted(caller.id, state, service, village, cursor, PAGE + 1)
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
        return _standing(facts, await self._outbox.place(facts.id), await self._outbox.moves(facts.id))


def _standing(facts: Facts, place: int | None = None, moves: tuple[Move, ...] = ()) -> Standing:
    return Standing(
        facts.receipt,
        facts.service,
        facts.village,
        facts.state_at,
        facts.reason,
        facts.held,
        facts.centre_receipt,
        place,
        moves,
    )
