"""What is to be told outside, proven on SQLite, PostgreSQL and in memory alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from gateway.contract.submissions import SubmissionState as State
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.outbox.notice_rows import BEGINNING
from gateway.outbox.notify_store import DatabaseNotifying
from gateway.outbox.notifying import DEAD, Delivery
from gateway.outbox.outbox import Ending
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.outbox.tables import DELIVERIES, NOTICES
from tests.outbox.world import KEYRING, LEASE, START, HandClock, World, always

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.outbox.delivery_rows import Key
    from gateway.outbox.notice_rows import Notice
    from gateway.testing.postgres import PostgresServer


async def deliver(world: World, *callers: str) -> list[str]:
    """Submissions of some callers that reach the centre."""
    ids = []
    for caller in callers:
        ids.append((await world.outbox.accept(world.new(caller=caller))).receipt.id)
        (claimed,) = await world.outbox.claim(1, LEASE, always)
        await world.outbox.finish(claimed, Ending(State.DELIVERED, centre_receipt="SK1"))
    return ids


async def begun(world: World) -> int:
    """The token of the one who tells, with the past behind it."""
    token = await world.notifying().hold("one")
    assert token is not None
    await world.notifying().begun(token)
    return token


async def routed(world: World, token: int, *targets: str) -> list[Delivery]:
    """Deliveries of all that is new to some targets."""
    notices = await world.notifying().unrouted(100)
    made = [Delivery(notice, "webhook", target, next_at=START) for notice in notices for target in targets]
    assert await world.notifying().route(token, notices[-1].place, made)
    return made


def told(notices: tuple[Notice, ...]) -> list[tuple[str, str]]:
    """Which submission moved where."""
    return [(one.submission, str(one.after)) for one in notices]


def test_a_move_is_noted_with_it_and_read_by_its_caller_only(world: World) -> None:
    """Neither the hand-in nor `sending` is told; each caller sees its own, in order, from any place on."""

    async def main() -> None:
        first, other, second = await deliver(world, "a", "b", "a")
        await world.outbox.accept(world.new(caller="a"))
        notices = await world.notifying().feed("a", BEGINNING, 10)
        assert told(notices) == [(first, "delivered"), (second, "delivered")]
        assert [(one.number, one.before) for one in notices] == [(3, State.SENDING), (3, State.SENDING)]
        assert told(await world.notifying().feed("a", notices[0].place, 10)) == [(second, "delivered")]
        assert told(await world.notifying().feed("b", BEGINNING, 10)) == [(other, "delivered")]
        last, callers = await world.notifying().callers(notices[0].place)
        assert (last, callers) == (notices[1].place, frozenset({"a", "b"}))
        assert await world.notifying().last() == last
        assert await world.notifying().pace() == (START, START, START)

    asyncio.run(main())


def test_a_claim_that_came_to_nothing_is_not_told(world: World) -> None:
    """A claim handed back leaves no notice, as it leaves no move."""

    async def main() -> None:
        await world.outbox.accept(world.new())
        (claimed,) = await world.outbox.claim(1, LEASE, always)
        await world.outbox.hand_back(claimed, START)
        assert await world.notifying().last() == BEGINNING

    asyncio.run(main())


def test_what_moved_before_anybody_told_is_not_told(world: World) -> None:
    """The first teller begins with what is new; from then on each notice becomes deliveries once."""

    async def main() -> None:
        await deliver(world, "a")
        token = await begun(world)
        assert await world.notifying().unrouted(10) == ()
        await deliver(world, "a", "a")
        made = await routed(world, token, "office", "desk")
        assert len(made) == 4
        assert await world.notifying().unrouted(10) == ()
        assert await world.notifying().counts() == replace(await world.notifying().counts(), pending=4, dead=0)
        await world.notifying().begun(token)
        assert await world.notifying().listed(None, 10) == tuple(
            sorted(made, key=lambda one: (one.notice.place, one.target))
        )

    asyncio.run(main())


def test_due_are_a_few_for_each_target_that_is_not_resting(world: World) -> None:
    """A target with much waiting does not keep the others from theirs."""

    async def main() -> None:
        token = await begun(world)
        await deliver(world, *"aaaaa")
        await routed(world, token, "full", "quiet")
        due = await world.notifying().due("webhook", set(), 2)
        assert [one.target for one in due] == ["full", "full", "quiet", "quiet"]
        assert [one.target for one in await world.notifying().due("webhook", {"full"}, 3)] == ["quiet"] * 3
        assert await world.notifying().due("other", set(), 2) == ()

    asyncio.run(main())


def test_delivered_is_gone_failed_waits_dead_needs_a_person(world: World) -> None:
    """Each end is kept; a person's retry begins anew, of some or of all dead ones."""

    async def main() -> None:
        notifying, token = world.notifying(), await begun(world)
        await deliver(world, "a", "a", "a")
        first, second, third = await routed(world, token, "office")
        assert await notifying.delivered(token, first)
        assert await notifying.failed(token, replace(second, tries=1, next_at=START + 9.0, code="http_500"))
        dead = replace(third, tries=7, first_at=START - 90_000.0, state=DEAD, code="timeout")
        assert await notifying.failed(token, dead)
        assert await notifying.due("webhook", set(), 5) == ()
        assert await notifying.listed(DEAD, 5) == (dead,)
        counts = await notifying.counts()
        assert (counts.pending, counts.dead) == (1, 1)
        assert await notifying.retry({second.id, "nothing"}) == 1
        assert await notifying.retry(None) == 1
        due = await notifying.due("webhook", set(), 5)
        assert {(one.id, one.tries, one.first_at) for one in due} == {(second.id, 0, 0.0), (third.id, 0, 0.0)}

    asyncio.run(main())


def test_many_are_tried_again_and_named_as_people_write_them(world: World) -> None:
    """Hundreds at once, by name in capitals too; who has several is told how many there were."""

    async def main() -> None:
        notifying, token = world.notifying(), await begun(world)
        await deliver(world, "a")
        made = await routed(world, token, *(f"office{number}" for number in range(230)))
        for one in made:
            await notifying.failed(token, replace(one, tries=9, state=DEAD))
        submission = made[0].notice.submission
        names = {one.id.replace(submission, submission.upper()) for one in made[:130]}
        assert await notifying.retry(names | {f"{submission}.9.office1", "nothing", ""}) == 130
        assert await notifying.retry(None) == 100
        assert await notifying.retry(None) == 0
        assert (await notifying.counts()).dead == 0

    asyncio.run(main())


class Pieces(DatabaseNotifying):
    """Notes how many rows each transaction changes."""

    def __init__(self, database: Database, clock: HandClock) -> None:
        super().__init__(database, clock)
        self.sizes: list[int] = []

    async def _retry(self, keys: Sequence[Key]) -> int:
        """Try them again."""
        self.sizes.append(len(keys))
        return await super()._retry(keys)


def test_no_transaction_tries_more_again_than_others_can_wait_for(url: str) -> None:
    """However many are dead or named, they are changed a hundred at a time."""
    database, clock = Database.open(url, durable=False), HandClock()
    outbox, pieces = DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), Pieces(database, clock)
    world = World(outbox, clock, database)
    world.kept = (world.following(), pieces)

    async def main() -> None:
        token = await begun(world)
        await deliver(world, "a")
        made = await routed(world, token, *(f"office{number}" for number in range(230)))
        await database.write(lambda connection: connection.execute(sa.update(DELIVERIES).values(state=DEAD)).rowcount)
        assert await pieces.retry(None) == 230
        assert await pieces.retry({one.id for one in made}) == 230
        assert pieces.sizes == [100, 100, 30] * 2
        await database.close()

    asyncio.run(main())


def test_one_tells_at_a_time(world: World) -> None:
    """Nothing a former teller writes counts."""

    async def main() -> None:
        notifying, first = world.notifying(), await begun(world)
        await deliver(world, "a")
        (made,) = await routed(world, first, "office")
        assert await notifying.hold("two") is None
        await notifying.let_go(first)
        second = await notifying.hold("two")
        assert second is not None
        assert not await notifying.delivered(first, made)
        assert not await notifying.failed(first, replace(made, tries=9))
        assert not await notifying.route(first, BEGINNING, ())
        assert await notifying.due("webhook", set(), 5) == (made,)

    asyncio.run(main())


def test_old_notices_go_with_what_was_to_be_told_of_them(world: World) -> None:
    """Nothing is kept for ever, and what is not old stays."""

    async def main() -> None:
        notifying, token = world.notifying(), await begun(world)
        await deliver(world, "a")
        await routed(world, token, "office")
        world.clock.at += 100.0
        await deliver(world, "a")
        assert await notifying.purge(START + 50.0) == 1
        assert await notifying.purge(START + 50.0) == 0
        assert len(await notifying.feed("a", BEGINNING, 9)) == 1
        assert (await notifying.counts()).pending == 0

    asyncio.run(main())


@pytest.mark.postgres
def test_no_notice_comes_to_stand_before_one_that_was_read(postgres_server: PostgresServer) -> None:
    """A transaction that began first and commits last is waited for, so that no reader misses what it wrote."""
    url = postgres_server.new_database()
    migrate(url)
    database = Database.open(url, durable=False)
    clock = HandClock()
    world = World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

    async def main() -> None:
        with engine.connect() as slow:
            row = {"submission": "slow", "number": 2, "caller": "a", "service": "birth", "village": "1"}
            more = {"before": "sending", "after": "delivered", "reason": "", "at": START}
            slow.execute(sa.insert(NOTICES).inline(), row | more)
            (quick,) = await deliver(world, "a")
            assert await world.notifying().feed("a", BEGINNING, 9) == ()
            slow.commit()
        found = await world.notifying().feed("a", BEGINNING, 9)
        assert [one.submission for one in found] == ["slow", quick]
        await database.close()

    asyncio.run(main())
    engine.dispose()
