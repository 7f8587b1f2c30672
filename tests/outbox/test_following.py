"""What follows delivery, proven on SQLite, PostgreSQL and in memory alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.contract.submissions import IssuedDocument
from gateway.contract.submissions import SubmissionState as State
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.outbox.following import Outcome, Tiding
from gateway.outbox.outbox import Ending
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.outbox.tables import LEASES, OUTCOMES
from gateway.testing.memory_store import MemoryOutbox
from tests.outbox.world import KEYRING, LEASE, NIK, START, HandClock, World, always

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.contract.submissions import SubmissionMoved
    from gateway.outbox.following import TakenIn

AKTA = IssuedDocument("akta_kelahiran", "3527-LU-1", "D1", NIK)
KK = IssuedDocument("kk", "3527030101900001", "D2")
KIA = IssuedDocument("kia", NIK, "D3", NIK)
WHOLE = (AKTA, KK, KIA)
PATHS = {
    State.DELIVERED: ["issued"],
    State.SENDING: ["delivered", "issued"],
    State.UNKNOWN: ["delivered", "issued"],
    State.ATTENTION: ["delivered", "issued"],
    State.QUEUED: ["unknown", "delivered", "issued"],
}


async def at(world: World, state: State, *, subject: int | None = None) -> str:
    """A submission in a state."""
    id_ = (await world.outbox.accept(world.new(subject=subject))).receipt.id
    if state is State.QUEUED:
        return id_
    if state is State.CANCELLED:
        await world.outbox.act(id_, "cancel", "caller:desk")
        return id_
    (claimed,) = await world.outbox.claim(1, LEASE, always)
    if state is not State.SENDING:
        ending = Ending(state, "R", centre_receipt="SK1" if state is State.DELIVERED else None)
        await world.outbox.finish(claimed, ending)
    return id_


async def take(world: World, *tidings: Tiding) -> TakenIn:
    """Take tidings in as the one who follows."""
    token = await world.following().hold("one")
    assert token is not None
    taken = await world.following().take_in(token, "sampang", tidings, max(one.seq for one in tidings))
    assert taken is not None
    return taken


def after(moved: tuple[SubmissionMoved, ...]) -> list[str]:
    """The states moved into."""
    return [str(one.move.after) for one in moved]


@pytest.mark.parametrize("state", PATHS)
def test_what_turns_out_to_be_issued_gets_there_legally(world: World, state: State) -> None:
    """From wherever it stands here, by legal moves of the centre's, with its documents, and its claim is over."""

    async def main() -> None:
        id_ = await at(world, state, subject=1)
        taken = await take(world, Tiding(1, id_, "SK9", WHOLE))
        facts = await world.outbox.find(id_)
        assert facts is not None
        assert after(taken.moved) == PATHS[state]
        assert (facts.state, facts.centre_receipt, facts.claimed) == (State.ISSUED, "SK9", False)
        moves = await world.outbox.moves(id_)
        assert [move.number for move in moves] == list(range(1, len(moves) + 1))
        assert await world.following().documents(id_) == WHOLE
        later = (await world.outbox.accept(world.new(subject=1))).receipt.id
        assert [one.facts.id for one in await world.outbox.claim(5, LEASE, always)] == [later]

    asyncio.run(main())


def test_a_dispatcher_whose_claim_was_overtaken_changes_nothing(world: World) -> None:
    """The centre told its decision while the call was under way: the end of that call is fenced off."""

    async def main() -> None:
        id_ = (await world.outbox.accept(world.new())).receipt.id
        (claimed,) = await world.outbox.claim(1, LEASE, always)
        await take(world, Tiding(1, id_, "SK9", WHOLE))
        assert await world.outbox.finish(claimed, Ending(State.UNKNOWN, "centre_timeout")) is None
        facts = await world.outbox.find(id_)
        assert facts is not None
        assert facts.state is State.ISSUED

    asyncio.run(main())


def test_issued_only_once_all_documents_exist(world: World) -> None:
    """Documents told in parts are listed as they come; the submission is issued with the last that is needed."""

    async def main() -> None:
        id_ = await at(world, State.DELIVERED)
        first = await take(world, Tiding(1, id_, "SK1", (AKTA,)))
        assert (first.moved, first.unmoved) == ((), ((1, Outcome.INCOMPLETE),))
        assert await world.following().documents(id_) == (AKTA,)
        second = await take(world, Tiding(2, id_, "SK1", (AKTA, KK)), Tiding(3, id_, "SK1", (KIA,)))
        assert after(second.moved) == ["issued"]
        assert await world.following().documents(id_) == WHOLE

    asyncio.run(main())


def test_a_rejection_keeps_its_code(world: World) -> None:
    """The coded reason is the move's and the submission's; no document belongs to it."""

    async def main() -> None:
        id_ = await at(world, State.DELIVERED)
        taken = await take(world, Tiding(1, id_, "SK1", rejected="data_mismatch"))
        facts = await world.outbox.find(id_)
        assert facts is not None
        assert (facts.state, facts.reason) == (State.REJECTED, "data_mismatch")
        assert taken.moved[-1].move.reason == "data_mismatch"
        assert await world.following().documents(id_) == ()

    asyncio.run(main())


def test_the_same_tiding_changes_something_once(world: World) -> None:
    """Told again behind the cursor it is left out; told again under a later number it is known."""

    async def main() -> None:
        id_ = await at(world, State.DELIVERED)
        await take(world, Tiding(4, id_, "SK1", WHOLE))
        assert await take(world, Tiding(4, id_, "SK1", WHOLE)) == await take(world, Tiding(3, id_, "SK1", WHOLE))
        again = await take(world, Tiding(5, id_, "SK1", WHOLE))
        assert (again.moved, again.unmoved) == ((), ((5, Outcome.KNOWN),))
        assert await world.following().cursor("sampang") == 5
        assert len(await world.outbox.moves(id_)) == 4

    asyncio.run(main())


def test_what_cannot_be_is_named_and_stops_nothing(world: World) -> None:
    """Foreign references and contradictions move nothing; what stands behind them is taken in."""

    async def main() -> None:
        cancelled, good = await at(world, State.CANCELLED), await at(world, State.DELIVERED)
        foreign = Tiding(1, "0" * 36, "SK1", WHOLE)
        decided = Tiding(3, good, "SK1", rejected="kk_unknown")
        taken = await take(world, foreign, Tiding(2, cancelled, "SK1", WHOLE), decided, Tiding(9, good, "SK1", WHOLE))
        assert after(taken.moved) == ["rejected"]
        assert taken.unmoved == ((1, Outcome.FOREIGN), (2, Outcome.CONTRADICTS), (9, Outcome.CONTRADICTS))
        assert await world.following().cursor("sampang") == 9

    asyncio.run(main())


def test_one_follows_at_a_time(world: World) -> None:
    """Another gets the lease once it is given up; what the first still writes is refused, cursor included."""

    async def main() -> None:
        following, id_ = world.following(), await at(world, State.DELIVERED)
        first = await following.hold("one")
        assert first is not None
        assert await following.hold("one") == first
        assert await following.hold("two") is None
        await following.let_go(first)
        second = await following.hold("two")
        assert second is not None
        assert await following.take_in(first, "sampang", [Tiding(1, id_, "SK1", WHOLE)], 1) is None
        assert await following.rewind(first, "sampang", [id_]) is None
        assert await following.cursor("sampang") == 0

    asyncio.run(main())


def test_a_lease_that_is_over_goes_to_another(url: str) -> None:
    """A holder that was killed is followed by another once its lease is over, by the database's own clock."""
    database = Database.open(url, durable=False)

    async def main() -> None:
        clock = HandClock()
        world = World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
        following = world.following()
        first = await following.hold("one")
        await database.write(lambda connection: connection.execute(sa.update(LEASES).values(until=1.0)).rowcount)
        second = await following.hold("two")
        assert first is not None
        assert second is not None
        assert second > first
        assert await following.take_in(first, "sampang", [], 7) is None
        await database.close()

    asyncio.run(main())


def test_news_reach_every_instance_once_each_in_its_own_time(world: World) -> None:
    """Marks are read behind one's own place; one that begins has nothing to forget; what is gone is noticed."""

    async def main() -> None:
        following = world.following()
        assert await following.news(None) == await following.news(0)
        await take(world, Tiding(1, subjects=(b"a" * 16, b"b" * 16)), Tiding(2, subjects=(b"a" * 16,)))
        begun = await following.news(None)
        assert (begun.subjects, begun.upto, begun.missed) == ((), 2, False)
        told = await following.news(0)
        assert (told.subjects, told.upto, told.more) == ((b"a" * 16, b"b" * 16), 2, False)
        world.clock.at += 100.0
        await take(world, Tiding(3, subjects=(b"c" * 16,)))
        assert (await following.news(2)).subjects == (b"c" * 16,)
        assert await following.forget_news(START + 50.0) == 2
        assert (await following.news(2)).subjects == (b"c" * 16,)
        assert (await following.news(1)).missed
        assert (await following.news(99)).upto == 3
        assert await following.forget_news(START + 1e6) == 0

    asyncio.run(main())


def test_many_news_come_in_parts(world: World) -> None:
    """Some hundred at a time, in order, none left out."""

    async def main() -> None:
        subjects = tuple(number.to_bytes(16) for number in range(450))
        await take(world, Tiding(1, subjects=subjects))
        found: list[bytes] = []
        place, more = 0, True
        while more:
            news = await world.following().news(place)
            place, more = news.upto, news.more
            found += news.subjects
        assert tuple(found) == subjects

    asyncio.run(main())


def test_a_centre_put_back_to_yesterday_is_asked_again(world: World) -> None:
    """What it had taken is in doubt, what it decided is not; the cursor goes back once nothing is left to doubt."""

    async def main() -> None:
        following = world.following()
        issued, delivered = await at(world, State.DELIVERED), await at(world, State.DELIVERED)
        queued = await at(world, State.QUEUED)
        await take(world, Tiding(7, issued, "SK1", WHOLE))
        world.clock.at += 10.0
        token = await following.hold("one")
        assert token is not None
        before = world.clock.now()
        assert await following.taken(["other"], before, "") == ()
        assert await following.taken(["sampang"], START, "") == ()
        ids = await following.taken(["sampang"], before, "")
        assert ids == (delivered,)
        assert await following.taken(["sampang"], before, delivered) == ()
        moved = await following.rewind(token, "sampang", [*ids, issued])
        assert moved is not None
        assert [(one.id, one.move.reason) for one in moved] == [(delivered, "centre_restored")]
        assert await following.cursor("sampang") == 7
        assert await following.rewind(token, "sampang", ids) == (), "doubted before"
        assert await following.cursor("sampang") == 7
        assert await following.rewind(token, "sampang", ()) == ()
        assert await following.cursor("sampang") == 0
        states = [(await world.outbox.find(id_)).state for id_ in (issued, delivered, queued)]  # type: ignore[union-attr]
        assert states == [State.ISSUED, State.UNKNOWN, State.QUEUED]
        (first, _second) = await world.outbox.claim(5, LEASE, always)
        assert {first.facts.id, _second.facts.id} == {delivered, queued}

    asyncio.run(main())


def test_it_is_known_when_all_was_read(world: World) -> None:
    """The account read longest ago counts; one that was begun and not finished makes it unknown."""

    async def main() -> None:
        following = world.following()
        token = await following.hold("one")
        assert token is not None
        assert await following.read_at() is None
        await following.caught_up(token, "sampang")
        world.clock.at += 5.0
        await following.caught_up(token, "jepara")
        assert await following.read_at() == START
        await following.take_in(token, "serang", [], 3)
        assert await following.read_at() is None

    asyncio.run(main())


def test_documents_are_sealed_and_shredded_with_the_content(tmp_path: Path) -> None:
    """No number of a document stands in the database in clear, and none is left once the content is shredded."""
    migrate(f"sqlite:///{tmp_path}/gateway.db")
    database = Database.open(f"sqlite:///{tmp_path}/gateway.db", durable=False)

    async def main() -> None:
        clock = HandClock()
        world = World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
        id_ = await at(world, State.DELIVERED)
        await take(world, Tiding(1, id_, "SK1", WHOLE))
        sealed = await database.read(lambda connection: connection.execute(sa.select(OUTCOMES.c.sealed)).scalar_one())
        assert NIK.encode() not in sealed
        assert await world.outbox.shred(START + 1e6) == 1
        assert await world.following().documents(id_) == ()
        await database.close()

    asyncio.run(main())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_comes_in_whatever_order_database_and_twin_agree(tmp_path: Path, data: st.DataObject) -> None:
    """Any tidings about any submissions, repeated and cut into pages at will: the same states, moves and documents."""
    number = data.draw(st.integers(0, 10**9))
    url = f"sqlite:///{tmp_path}/{number}-{id(data)}.db"
    migrate(url)
    database = Database.open(url, durable=False)
    clock = HandClock()
    stored = World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
    twin = World(MemoryOutbox(clock), clock)
    states = data.draw(st.lists(st.sampled_from([*PATHS, State.CANCELLED]), min_size=1, max_size=4))
    what = st.sampled_from([("", WHOLE), ("", (AKTA,)), ("", (KK, KIA)), ("data_mismatch", ())])
    told = data.draw(st.lists(st.tuples(st.integers(0, len(states)), what, st.integers(1, 12)), max_size=12))

    async def main() -> None:
        ids: list[str] = []
        for world in (stored, twin):
            ids = [await at(world, state) for state in states] + ["0" * 36]
        for place, (rejected, documents), seq in told:
            tiding = Tiding(seq, ids[place], f"SK{seq}", documents, rejected, (bytes([seq]) * 16,))
            assert await take(stored, tiding) == await take(twin, tiding)
        for id_ in ids:
            assert await stored.outbox.find(id_) == await twin.outbox.find(id_)
            assert await stored.outbox.moves(id_) == await twin.outbox.moves(id_)
            assert await stored.following().documents(id_) == await twin.following().documents(id_)
        assert await stored.following().news(0) == await twin.following().news(0)
        assert await stored.notifying().last() == await twin.notifying().last()
        await database.close()

    asyncio.run(main())
