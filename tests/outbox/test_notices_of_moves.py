"""Each move that is worth telling has its notice, whichever verb made it: proven over the whole table of moves."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from gateway.contract.errors import GatewayError
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.following import Tiding
from gateway.outbox.moves import ENDS, LEGAL
from gateway.outbox.notice_rows import BEGINNING
from gateway.outbox.outbox import Ending, Wanted
from tests.outbox.test_following import WHOLE
from tests.outbox.world import START, always

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.contract.submissions import Move
    from gateway.outbox.outbox import Act, Claimed
    from tests.outbox.world import World

ACTS: tuple[Act, ...] = ("cancel", "retry", "hold", "release")
OVER = -1.0
"""A lease that is over at once, so that whoever ends leases finds it."""


class Actor:
    """Makes submissions, and does everything to them that can be done."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.outbox = world.outbox
        self.claimed: Claimed | None = None
        self.events = 0

    async def at(self, state: State) -> str:
        """A new submission in a state; no other can be claimed meanwhile."""
        at_desk = state in {State.IN_REVIEW, State.RETURNED}
        new = self.world.new(state=State.IN_REVIEW if at_desk else State.QUEUED)
        id_ = (await self.outbox.accept(new)).receipt.id
        if state is State.RETURNED:
            await self.outbox.decide(id_, Ending(state, "incomplete"), "desk")
        elif not at_desk and state is not State.QUEUED:
            (self.claimed,) = await self.outbox.claim(1, OVER, always)
            if state is not State.SENDING:
                await self.outbox.finish(self.claimed, Ending(state, "given", centre_receipt="SK1"))
        return id_

    def verbs(self) -> list[Callable[[str], Awaitable[object]]]:
        """All that moves a submission, or might."""
        ends = [Ending(state, "given") for state in State]
        return [
            *(lambda id_, end=end: self.outbox.decide(id_, end, "desk") for end in ends),
            *(partial(self.finish, end) for end in ends),
            *(lambda id_, act=act: self.outbox.act(id_, act, "operator:ani") for act in ACTS),
            lambda id_: self.outbox.correct(id_, self.world.new().submission, (), "caller:desk000001"),
            self.hand_back,
            lambda _id: self.outbox.expire(),
            lambda _id: self.outbox.inherit(),
            lambda _id: self.outbox.doubt(),
            partial(self.told, ""),
            partial(self.told, "data_mismatch"),
            self.rewind,
        ]

    async def finish(self, ending: Ending, _id: str) -> None:
        """End the claim, if there is one."""
        if self.claimed is not None:
            await self.outbox.finish(self.claimed, ending)

    async def hand_back(self, _id: str) -> None:
        """Undo the claim, if there is one."""
        if self.claimed is not None:
            await self.outbox.hand_back(self.claimed, START)

    async def told(self, rejected: str, id_: str) -> None:
        """The centre decided."""
        self.events += 1
        token = await self.world.following().hold("one")
        assert token is not None
        tiding = Tiding(self.events, id_, "SK1", () if rejected else WHOLE, rejected)
        await self.world.following().take_in(token, "sampang", [tiding], self.events)

    async def rewind(self, _id: str) -> None:
        """The centre was put back."""
        token = await self.world.following().hold("one")
        assert token is not None
        ids = await self.world.following().taken(["sampang"], START + 1.0, "")
        await self.world.following().rewind(token, "sampang", ids)

    async def everything_in(self, state: State) -> None:
        """Do everything to submissions in a state; to another one, each time it moved or its claim was lost."""
        id_ = ""
        for verb in self.verbs():
            id_ = id_ or await self.at(state)
            before = await self.outbox.find(id_)
            assert before is not None
            assert before.state is state
            with suppress(GatewayError):
                await verb(id_)
            if await self.outbox.find(id_) != before:
                await self.let_go(id_)
                id_ = ""
        if id_:
            await self.let_go(id_)

    async def let_go(self, id_: str) -> None:
        """Begin with another one: what is decided cannot be claimed any more."""
        self.claimed = None
        await self.told("data_mismatch", id_)


def worth_telling(moves: tuple[Move, ...]) -> list[tuple[object, ...]]:
    """What a caller is to hear: every move but its own hand-in, and claims with what undoes them."""
    return [
        (move.number, move.before, move.after, move.reason, move.at)
        for move in moves
        if move.before not in {None, move.after}
        and move.after is not State.SENDING
        and (move.before, move.reason) != (State.SENDING, "handed_back")
    ]


def test_every_move_of_the_table_is_told_by_whatever_verb_it_is_made(world: World) -> None:
    """All legal moves come about, by every verb in every state, and each has one notice that says the same."""

    async def story() -> None:
        actor = Actor(world)
        for state in State:
            if state not in ENDS:
                await actor.everything_in(state)
        seen: set[tuple[State | None, State]] = set()
        found = await world.notifying().feed("desk000001", BEGINNING, 10_000)
        for facts in await world.outbox.page(Wanted(limit=1_000)):
            moves = await world.outbox.moves(facts.id)
            seen |= {(move.before, move.after) for move in moves if move.before is not move.after}
            own = [one for one in found if one.submission == facts.id]
            told = [(one.number, one.before, one.after, one.reason, one.at) for one in own]
            assert told == worth_telling(moves)
        assert seen == {(before, after) for before, many in LEGAL.items() for after in many}

    asyncio.run(story())
