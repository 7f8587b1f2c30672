"""What every outbox promises: in SQLite, in PostgreSQL, in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.contract.errors import Conflict, IdempotencyMismatch, NotFound
from gateway.contract.messages import Priority
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.outbox import Ending, Wanted
from tests.outbox.world import LEASE, OTHER_VILLAGE, START, VILLAGE, always

if TYPE_CHECKING:
    from gateway.outbox.outbox import Claimed, NewSubmission, Outbox
    from tests.outbox.world import World

DELIVERED = Ending(State.DELIVERED, centre_receipt="SK1")


async def claim(outbox: Outbox, want: int = 10, lease: float = LEASE) -> list[Claimed]:
    """Claim what there is."""
    return await outbox.claim(want, lease, always)


async def accept(world: World, *new: NewSubmission) -> list[str]:
    """Hand in; the ids."""
    return [(await world.outbox.accept(one)).receipt.id for one in new]


async def claimed_ids(outbox: Outbox, want: int = 100) -> list[str]:
    """Claim one after the other and deliver each; the ids in order."""
    ids: list[str] = []
    while len(ids) < want and (claims := await claim(outbox, 1)):
        ids.append(claims[0].facts.id)
        assert await outbox.finish(claims[0], DELIVERED)
    return ids


async def states(world: World, id_: str) -> list[str]:
    """The states a submission went through."""
    return [str(move.after) for move in await world.outbox.moves(id_)]


def test_an_accepted_submission_is_found_read_and_told_of(world: World) -> None:
    """Receipt, facts, content and first move are there at once, by id and by receipt number."""

    async def story() -> None:
        new = world.new(origin="device-1")
        accepted = await world.outbox.accept(new)
        assert accepted.fresh
        receipt = accepted.receipt
        assert (receipt.id, receipt.number, receipt.filed_at, receipt.state) == (new.id, new.number, START, "queued")
        facts = await world.outbox.find(new.number.replace("-", " ").lower())
        assert facts == await world.outbox.find(new.id)
        assert facts is not None
        assert facts.receipt == receipt
        assert (facts.caller, facts.right, facts.service, facts.moves) == (new.caller, "sampang", "birth", 1)
        assert await world.outbox.read(new.id) == new.submission
        (move,) = await world.outbox.moves(new.id)
        assert (move.before, move.after, move.actor, move.at) == (None, "queued", "caller:desk000001", START)
        assert await world.outbox.find("nothing") is None
        assert await world.outbox.read("nothing") is None
        assert await world.outbox.moves("nothing") == ()

    asyncio.run(story())


def test_one_key_of_one_caller_stands_for_one_submission(world: World) -> None:
    """The same key and content gives the first receipt; other content is refused; callers do not share keys."""

    async def story() -> None:
        first = world.new(key="k", form={"a": 1}, subject=1)
        again = world.new(key="k", form={"a": 1}, subject=1)
        accepted, repeated = await world.outbox.accept(first), await world.outbox.accept(again)
        assert (repeated.fresh, repeated.receipt) == (False, accepted.receipt)
        with pytest.raises(IdempotencyMismatch):
            await world.outbox.accept(world.new(key="k", form={"a": 2}, subject=1))
        other = await world.outbox.accept(world.new(key="k", form={"a": 2}, subject=1, caller="desk000002"))
        assert other.fresh
        assert len(await world.outbox.page(Wanted())) == 2

    asyncio.run(story())


def test_hand_ins_at_one_time_meet_each_other(world: World) -> None:
    """Twenty at once under one key make one submission and twenty equal receipts."""

    async def story() -> None:
        new = [world.new(key="k", form={"a": 1}, subject=1) for _ in range(20)]
        results = await asyncio.gather(*(world.outbox.accept(one) for one in new))
        assert len({result.receipt.id for result in results}) == 1
        assert sum(result.fresh for result in results) == 1
        assert len(await claim(world.outbox)) == 1

    asyncio.run(story())


def test_an_origin_counts_once_across_callers(world: World) -> None:
    """What a device made counts once, whoever carries it; other content under its id is a conflict, and repeatable."""

    async def story() -> None:
        first = await world.outbox.accept(world.new(origin="o", form={"a": 1}, subject=1))
        carried = world.new(origin="o", form={"a": 1}, subject=1, caller="desk000002", key="own")
        second = await world.outbox.accept(carried)
        assert (second.fresh, second.receipt) == (False, first.receipt)
        assert (await world.outbox.accept(carried)).receipt == first.receipt
        for _ in range(2):
            with pytest.raises(Conflict):
                await world.outbox.accept(world.new(origin="o", form={"a": 2}, subject=1, key="x"))
        assert (await world.outbox.accept(world.new(form={"a": 3}, subject=1, key="x"))).fresh
        assert len(await world.outbox.page(Wanted())) == 2

    asyncio.run(story())


def test_a_claim_carries_everything_and_is_made_once(world: World) -> None:
    """A claimed submission is `sending`, nobody else gets it, and delivering it ends it."""

    async def story() -> None:
        new = world.new()
        await accept(world, new)
        (one,) = await claim(world.outbox)
        assert (one.facts.state, one.facts.tries, one.token, one.submission) == ("sending", 1, 1, new.submission)
        assert one.facts.claimed
        assert await claim(world.outbox) == []
        assert await claim(world.another()) == []
        ended = await world.outbox.finish(one, DELIVERED)
        facts = await world.outbox.find(new.id)
        assert facts == ended
        assert facts is not None
        assert (facts.state, facts.centre_receipt, facts.claimed, facts.uncertain) == ("delivered", "SK1", False, False)
        assert await states(world, new.id) == ["queued", "sending", "delivered"]
        assert await world.outbox.finish(one, DELIVERED) is None
        assert await claim(world.outbox) == []

    asyncio.run(story())


def test_a_lease_that_is_over_means_unknown(world: World) -> None:
    """Who claimed and fell silent may have sent it: it is asked about, and the silent one can change nothing."""

    async def story() -> None:
        (id_,) = await accept(world, world.new())
        (lost,) = await claim(world.outbox, lease=-1.0)
        assert await world.outbox.expire() == 1
        assert await world.outbox.expire() == 0
        assert await world.outbox.finish(lost, DELIVERED) is None
        assert await world.outbox.hand_back(lost, START) is False
        (asking,) = await claim(world.outbox, lease=-1.0)
        assert (asking.facts.state, asking.token) == ("unknown", 2)
        assert await world.outbox.expire() == 1  # the one who asked fell silent too
        (again,) = await claim(world.outbox)
        assert await world.outbox.finish(again, Ending(State.QUEUED, "not_there"))
        (sent,) = await claim(world.outbox)
        assert sent.facts.state is State.SENDING
        assert await world.outbox.finish(sent, DELIVERED)
        assert await states(world, id_) == ["queued", "sending", "unknown", "queued", "sending", "delivered"]

    asyncio.run(story())


def test_claims_that_end_at_the_same_time(world: World) -> None:
    """Each ends in its own way, be it delivered, expired or ended twice; no legal one is lost with an illegal one."""

    async def story() -> None:
        ids = await accept(world, *(world.new(subject=number, filed=float(number)) for number in range(1, 7)))
        (later,) = await accept(world, world.new(subject=1, filed=9.0))
        (lost,) = await claim(world.outbox, lease=-1.0, want=1)
        assert await world.outbox.expire() == 1
        claims = {one.facts.id: one for one in await claim(world.outbox)}
        first, doubted, waiting, refused, spent, twice = (claims[id_] for id_ in ids)
        pause = Ending(State.UNKNOWN, "centre_timeout", not_before=START + 9.0, failed=True)
        ended = await asyncio.gather(
            world.outbox.finish(lost, Ending(State.ATTENTION, "late")),
            world.outbox.finish(first, DELIVERED),
            world.outbox.finish(doubted, Ending(State.UNKNOWN, "centre_timeout")),
            world.outbox.finish(waiting, pause),
            world.outbox.finish(refused, Ending(State.ISSUED)),
            world.outbox.finish(spent, Ending(State.ATTENTION, "form_invalid")),
            world.outbox.finish(twice, DELIVERED),
            world.outbox.finish(twice, DELIVERED),
            return_exceptions=True,
        )
        assert ended[0] is None
        assert isinstance(ended[4], Conflict)
        assert sorted(facts is None for facts in ended[6:]) == [False, True]
        stands = [await world.outbox.find(id_) for id_ in ids]
        assert stands[:3] == ended[1:4]
        assert [facts.state for facts in stands if facts] == [
            "delivered", "unknown", "unknown", "sending", "attention", "delivered",
        ]  # fmt: skip
        assert await claimed_ids(world.outbox) == [ids[1], later]
        world.clock.at += 10.0
        await world.outbox.wake()
        assert await claimed_ids(world.outbox) == [ids[2]]

    asyncio.run(story())


def test_claims_of_the_dead_end_at_once(world: World) -> None:
    """Whatever their leases: what was being sent is asked about, and whoever was not dead after all changes nothing."""

    async def story() -> None:
        sending, asking = await accept(world, world.new(filed=1.0), world.new(filed=2.0))
        first, second = await claim(world.outbox, lease=1e6)
        await world.outbox.finish(second, Ending(State.UNKNOWN, "centre_timeout"))
        await claim(world.outbox, lease=1e6)
        assert await world.outbox.expire() == 0
        assert await world.outbox.inherit() == 2
        assert await world.outbox.inherit() == 0
        assert await world.outbox.finish(first, DELIVERED) is None
        claims = await claim(world.outbox)
        assert [(one.facts.id, one.facts.state) for one in claims] == [(sending, "unknown"), (asking, "unknown")]

    asyncio.run(story())


def test_a_pause_is_over_once_the_clock_was_put_back(world: World) -> None:
    """No pause lies half an hour ahead, so one that does is of a clock that was wrong: nothing waits for it."""

    async def story() -> None:
        (id_,) = await accept(world, world.new())
        (one,) = await claim(world.outbox)
        await world.outbox.hand_back(one, world.clock.at + 5.0)
        await world.outbox.wake()
        assert await claim(world.outbox) == []
        world.clock.at -= 3600.0
        await world.outbox.wake()
        assert [one.facts.id for one in await claim(world.outbox)] == [id_]

    asyncio.run(story())


def test_a_claim_that_came_to_nothing_leaves_no_move(world: World) -> None:
    """Handed back, a submission is as before but for its tries; an unknown one stays unknown."""

    async def story() -> None:
        (id_,) = await accept(world, world.new())
        before = await world.outbox.find(id_)
        (one,) = await claim(world.outbox)
        assert await world.outbox.hand_back(one, START + 5.0)
        after = await world.outbox.find(id_)
        assert before is not None
        assert after is not None
        assert (after.state, after.state_at, after.moves, after.tries) == ("queued", before.state_at, 1, 1)
        assert (after.not_before, after.uncertain, after.claimed) == (START + 5.0, False, False)
        assert await states(world, id_) == ["queued"]
        world.clock.at += 6.0
        await world.outbox.wake()
        (one,) = await claim(world.outbox)
        assert await world.outbox.finish(one, Ending(State.UNKNOWN, "centre_timeout"))
        (asking,) = await claim(world.outbox)
        assert await world.outbox.hand_back(asking, world.clock.at + 5.0)
        assert await states(world, id_) == ["queued", "sending", "unknown"]

    asyncio.run(story())


def test_what_waits_for_its_time_is_not_claimed_before(world: World) -> None:
    """After a failure a submission rests until its time, then `wake` makes it claimable; failures are counted."""

    async def story() -> None:
        await accept(world, world.new())
        (one,) = await claim(world.outbox)
        assert await world.outbox.finish(one, Ending(State.UNKNOWN, "x", not_before=START + 30.0, failed=True))
        await world.outbox.wake()
        assert await claim(world.outbox) == []
        world.clock.at += 31.0
        await world.outbox.wake()
        (asking,) = await claim(world.outbox)
        assert (asking.facts.state, asking.facts.failures) == ("unknown", 1)

    asyncio.run(story())


def test_one_subject_keeps_its_order(world: World) -> None:
    """The later about a subject waits until the centre has the earlier, also while that is unknown; others flow."""

    async def story() -> None:
        first, second, third, other = await accept(
            world,
            world.new(subject=1, filed=1.0),
            world.new(subject=1, filed=2.0, village=OTHER_VILLAGE),
            world.new(subject=1, filed=3.0, service="death"),
            world.new(subject=2, filed=4.0),
        )
        claims = {one.facts.id: one for one in await claim(world.outbox)}
        assert set(claims) == {first, other}
        await world.outbox.finish(claims[first], Ending(State.UNKNOWN, "x", not_before=START + 9.0))
        assert await claim(world.outbox) == []
        world.clock.at += 10.0
        await world.outbox.wake()
        (asking,) = await claim(world.outbox)
        await world.outbox.finish(asking, DELIVERED)
        assert await claimed_ids(world.outbox) == [second, third]

    asyncio.run(story())


def test_an_earlier_filing_goes_before_a_later_one_of_its_subject(world: World) -> None:
    """A form filed earlier but carried here later goes first, unless the other is on its way already."""

    async def story() -> None:
        late, early = await accept(world, world.new(subject=1, filed=9.0), world.new(subject=1, filed=1.0))
        assert await claimed_ids(world.outbox) == [early, late]
        late, *_ = await accept(world, world.new(subject=1, filed=9.0))
        (sending,) = await claim(world.outbox)
        (early,) = await accept(world, world.new(subject=1, filed=1.0))
        assert await claim(world.outbox) == []
        await world.outbox.finish(sending, DELIVERED)
        assert await claimed_ids(world.outbox) == [early]

    asyncio.run(story())


def test_attention_blocks_its_subject_until_a_person_decides(world: World) -> None:
    """What a person must look at holds up its subject; a retry sends it again, with its failures forgotten."""

    async def story() -> None:
        first, second = await accept(world, world.new(subject=1, filed=1.0), world.new(subject=1, filed=2.0))
        (one,) = await claim(world.outbox)
        await world.outbox.finish(one, Ending(State.ATTENTION, "form_invalid", failed=True))
        assert await claim(world.outbox) == []
        assert [facts.id for facts in await world.outbox.page(Wanted(state=State.ATTENTION))] == [first]
        facts = await world.outbox.act(first, "retry", "operator:ani")
        assert (facts.state, facts.failures) == ("queued", 0)
        (again,) = await claim(world.outbox)
        await world.outbox.finish(again, Ending(State.ATTENTION, "form_invalid"))
        assert (await world.outbox.act(first, "cancel", "operator:ani", "withdrawn")).state is State.CANCELLED
        assert await claimed_ids(world.outbox) == [second]

    asyncio.run(story())


def test_a_retry_of_what_may_have_been_sent_asks_first(world: World) -> None:
    """Out of `attention` an uncertain submission becomes `unknown`; it cannot be cancelled."""

    async def story() -> None:
        (id_,) = await accept(world, world.new())
        (one,) = await claim(world.outbox)
        await world.outbox.finish(one, Ending(State.UNKNOWN, "x"))
        (one,) = await claim(world.outbox)
        await world.outbox.finish(one, Ending(State.ATTENTION, "too_many_failures", uncertain=True))
        with pytest.raises(Conflict):
            await world.outbox.act(id_, "cancel", "operator:ani")
        assert (await world.outbox.act(id_, "retry", "operator:ani")).state is State.UNKNOWN
        (asking,) = await claim(world.outbox)
        assert asking.facts.state is State.UNKNOWN

    asyncio.run(story())


def test_a_hold_is_a_flag(world: World) -> None:
    """Held, a submission and those behind it are not claimed; released they are; both acts are in its history."""

    async def story() -> None:
        first, second = await accept(world, world.new(subject=1, filed=1.0), world.new(subject=1, filed=2.0))
        facts = await world.outbox.act(first, "hold", "operator:ani")
        assert (facts.state, facts.held) == ("queued", True)
        await world.outbox.act(first, "hold", "operator:ani")
        assert await claim(world.outbox) == []
        await world.outbox.act(first, "release", "operator:ani")
        assert await claimed_ids(world.outbox) == [first, second]
        moves = await world.outbox.moves(first)
        assert [(move.before, move.after, move.reason) for move in moves[1:3]] == [
            ("queued", "queued", "hold"),
            ("queued", "queued", "release"),
        ]
        with pytest.raises(Conflict):
            await world.outbox.act(first, "hold", "operator:ani")

    asyncio.run(story())


def test_a_hold_while_sending_counts_once_it_comes_back(world: World) -> None:
    """An act between claim and hand-back stays in the history, and holds from then on."""

    async def story() -> None:
        (id_,) = await accept(world, world.new())
        (one,) = await claim(world.outbox)
        assert (await world.outbox.act(id_, "hold", "operator:ani")).state is State.SENDING
        assert await world.outbox.hand_back(one, START)
        facts = await world.outbox.find(id_)
        assert facts is not None
        assert (facts.state, facts.held, facts.uncertain) == ("queued", True, False)
        assert await claim(world.outbox) == []
        assert await states(world, id_) == ["queued", "sending", "sending", "queued"]

    asyncio.run(story())


def test_cancelling_is_for_what_was_not_sent(world: World) -> None:
    """Waiting ones can be cancelled, and their successor goes on; claimed and delivered ones cannot."""

    async def story() -> None:
        first, second = await accept(world, world.new(subject=1, filed=1.0), world.new(subject=1, filed=2.0))
        assert (await world.outbox.act(first, "cancel", "caller:desk000001")).state is State.CANCELLED
        (one,) = await claim(world.outbox)
        assert one.facts.id == second
        for _ in range(2):
            with pytest.raises(Conflict):
                await world.outbox.act(second, "cancel", "caller:desk000001")
            await world.outbox.finish(one, DELIVERED)
        with pytest.raises(Conflict):
            await world.outbox.act(second, "retry", "operator:ani")
        with pytest.raises(NotFound):
            await world.outbox.act("nothing", "cancel", "caller:desk000001")

    asyncio.run(story())


def test_what_the_centre_had_not_when_asked_cannot_be_cancelled(world: World) -> None:
    """A call given up may still be under way to the centre; what was certainly not sent, or was refused, can be.

    After an old copy was restored no call is under way any more.
    """

    async def story() -> None:
        outbox, new = world.outbox, world.new(subject=1)
        await accept(world, new)
        (claimed,) = await claim(outbox)
        await outbox.finish(claimed, Ending(State.UNKNOWN, "centre_timeout"))
        (claimed,) = await claim(outbox)
        await outbox.finish(claimed, Ending(State.QUEUED, "not_there"))
        with pytest.raises(Conflict):
            await outbox.act(new.id, "cancel", "caller:desk000001")
        (claimed,) = await claim(outbox)
        await outbox.finish(claimed, Ending(State.ATTENTION, "form_invalid"))
        assert (await outbox.act(new.id, "cancel", "operator:ani")).state is State.CANCELLED

        (handed_back,) = await accept(world, world.new(subject=2))
        (claimed,) = await claim(outbox)
        await outbox.hand_back(claimed, START)
        await outbox.act(handed_back, "cancel", "caller:desk000001")
        (restored,) = await accept(world, world.new(subject=3))
        assert await outbox.doubt() == 1
        (claimed,) = await claim(outbox)
        await outbox.finish(claimed, Ending(State.QUEUED, "not_there"))
        assert (await outbox.act(restored, "cancel", "caller:desk000001")).state is State.CANCELLED

    asyncio.run(story())


def test_what_was_never_claimed_can_be_corrected(world: World) -> None:
    """Other content goes to the centre under the same id, place and filing date; the first key gets its receipt."""

    async def story() -> None:
        first, behind = world.new(subject=1, key="k", filed=1.0), world.new(subject=1, filed=2.0)
        await accept(world, first, behind)
        better = world.new(subject=1, form={"name": "SITI AMINAH BINTI ALI"}).submission
        before = await world.outbox.find(first.id)
        world.clock.at += 5.0
        facts = await world.outbox.correct(first.id, better, (), "caller:desk000001")
        assert before is not None
        assert (facts.state, facts.state_at, facts.filed_at, facts.moves) == ("queued", START, before.filed_at, 2)
        assert await world.outbox.read(first.id) == better
        last = (await world.outbox.moves(first.id))[-1]
        assert (last.before, last.after, last.actor, last.reason, last.at) == (
            "queued",
            "queued",
            "caller:desk000001",
            "corrected",
            START + 5.0,
        )
        again = await world.outbox.accept(msgspec.structs.replace(first, id="x" * 36, number="x"))
        assert (again.fresh, again.receipt.id) == (False, first.id)
        await world.outbox.act(first.id, "hold", "operator:ani")
        await world.outbox.correct(first.id, first.submission, (), "caller:desk000001")
        await world.outbox.correct(first.id, better, (), "caller:desk000001")
        await world.outbox.act(first.id, "release", "operator:ani")
        (claimed,) = await claim(world.outbox)
        assert (claimed.facts.id, claimed.submission) == (first.id, better)

    asyncio.run(story())


def test_what_may_have_been_sent_cannot_be_corrected(world: World) -> None:
    """Claimed, unknown, or queued again after the centre was asked: a late copy of the first content could still come.

    What was claimed and certainly not sent can be.
    """

    async def story() -> None:
        outbox, new = world.outbox, world.new(subject=1)
        await accept(world, new)
        better = world.new(subject=1).submission

        async def refused() -> None:
            with pytest.raises(Conflict):
                await outbox.correct(new.id, better, (), "caller:desk000001")
            assert await outbox.read(new.id) == new.submission

        with pytest.raises(NotFound):
            await outbox.correct("nothing", better, (), "caller:desk000001")
        (claimed,) = await claim(outbox)
        await refused()
        await outbox.hand_back(claimed, START)
        await outbox.correct(new.id, better, (), "caller:desk000001")
        await outbox.correct(new.id, new.submission, (), "caller:desk000001")
        await outbox.wake()
        (claimed,) = await claim(outbox)
        await outbox.finish(claimed, Ending(State.UNKNOWN, "centre_timeout"))
        await refused()
        (claimed,) = await claim(outbox)
        await outbox.finish(claimed, Ending(State.QUEUED, "not_there"))
        await refused()

    asyncio.run(story())


def test_a_retry_ends_a_pause(world: World) -> None:
    """An operator's retry makes a resting submission claimable at once."""

    async def story() -> None:
        (id_,) = await accept(world, world.new())
        (one,) = await claim(world.outbox)
        await world.outbox.hand_back(one, START + 900.0)
        assert await claim(world.outbox) == []
        await world.outbox.act(id_, "retry", "operator:ani")
        assert [one.facts.id for one in await claim(world.outbox)] == [id_]
        world.clock.at += 901.0
        await world.outbox.wake()
        assert await claim(world.outbox) == []

    asyncio.run(story())


def test_the_centre_decides(world: World) -> None:
    """Issued and rejected follow delivered; deciding twice changes nothing; other moves are refused."""

    async def story() -> None:
        first, second, third = await accept(world, world.new(), world.new(), world.new())
        for one in await claim(world.outbox, 2):
            await world.outbox.finish(one, DELIVERED)
        issued = await world.outbox.decide(first, Ending(State.ISSUED), "centre")
        assert issued == await world.outbox.decide(first, Ending(State.ISSUED), "centre")
        rejected = await world.outbox.decide(second, Ending(State.REJECTED, "subject_unknown"), "centre")
        assert (rejected.state, rejected.reason, rejected.centre_receipt) == ("rejected", "subject_unknown", "SK1")
        with pytest.raises(Conflict):
            await world.outbox.decide(first, Ending(State.REJECTED), "centre")
        with pytest.raises(Conflict):
            await world.outbox.decide(third, Ending(State.ISSUED), "centre")
        (claimed,) = await claim(world.outbox)
        with pytest.raises(Conflict):
            await world.outbox.decide(claimed.facts.id, Ending(State.UNKNOWN), "gateway")
        with pytest.raises(NotFound):
            await world.outbox.decide("nothing", Ending(State.ISSUED), "centre")

    asyncio.run(story())


def test_a_desk_lets_a_submission_into_the_queue(world: World) -> None:
    """In review it is not claimed and holds nobody up; queued it goes by its filing date."""

    async def story() -> None:
        first, second = await accept(
            world, world.new(subject=1, filed=1.0, state=State.IN_REVIEW), world.new(subject=1, filed=2.0)
        )
        assert await world.outbox.place(first) is None
        (one,) = await claim(world.outbox)
        assert one.facts.id == second
        await world.outbox.finish(one, DELIVERED)
        await world.outbox.decide(first, Ending(State.RETURNED, "requirement_missing"), "operator:ani")
        await world.outbox.decide(first, Ending(State.QUEUED), "operator:ani")
        assert await claimed_ids(world.outbox) == [first]

    asyncio.run(story())


def test_one_under_way_holds_up_even_an_earlier_one_in_doubt(world: World) -> None:
    """While one of a subject is under way, nothing else of it is claimed, not even to ask about it."""

    async def story() -> None:
        await accept(world, world.new(subject=1, filed=2.0))
        (under_way,) = await claim(world.outbox)
        (early,) = await accept(world, world.new(subject=1, filed=1.0))
        await world.outbox.decide(early, Ending(State.UNKNOWN, "restored"), "gateway")
        assert await claim(world.outbox) == []
        await world.outbox.finish(under_way, DELIVERED)
        (asking,) = await claim(world.outbox)
        assert (asking.facts.id, asking.facts.state) == (early, State.UNKNOWN)

    asyncio.run(story())


def test_urgent_first_then_by_filing_date(world: World) -> None:
    """Whatever the order of arrival and the lane, the class decides, then the filing date."""

    async def story() -> None:
        online, late, early, urgent = await accept(
            world,
            world.new(priority=Priority.ONLINE, filed=0.0),
            world.new(filed=9.0, service="death"),
            world.new(filed=3.0, village=OTHER_VILLAGE),
            world.new(priority=Priority.URGENT, filed=20.0),
        )
        assert [one.facts.id for one in await claim(world.outbox)] == [urgent, early, late, online]

    asyncio.run(story())


@pytest.mark.parametrize(("scope", "name"), [("adapter", "native"), ("service", "death"), ("village", OTHER_VILLAGE)])
def test_a_switch_keeps_its_lanes_back(world: World, scope: str, name: str) -> None:
    """What is held or off is not claimed, everything else is; let go, it is."""

    async def story() -> None:
        held, free = await accept(
            world,
            world.new(service="death", village=OTHER_VILLAGE),
            world.new(adapter="jepara", service="birth", village=VILLAGE),
        )
        await world.outbox.switch(scope, name, "hold", "operator:ani", "the centre asked for it")  # type: ignore[arg-type] # a case of the table
        (switch,) = await world.outbox.switches()
        assert (switch.scope, switch.name, switch.mode, switch.actor, switch.at) == (
            scope,
            name,
            "hold",
            "operator:ani",
            START,
        )
        assert await claimed_ids(world.outbox) == [free]
        await world.outbox.switch(scope, name, "off", "operator:ani")  # type: ignore[arg-type] # a case of the table
        assert [one.mode for one in await world.outbox.switches()] == ["off"]
        assert await claimed_ids(world.outbox) == []
        await world.outbox.switch(scope, name, None, "operator:ani")  # type: ignore[arg-type] # a case of the table
        assert await world.outbox.switches() == ()
        world.clock.at += 1.1
        assert await claimed_ids(world.outbox) == [held]

    asyncio.run(story())


def test_a_lane_the_dispatcher_keeps_back_waits(world: World) -> None:
    """A service whose circuit is open is skipped as a lane; the next look finds it again."""

    async def story() -> None:
        death, birth = await accept(world, world.new(service="death"), world.new(service="birth"))
        claims = await world.outbox.claim(10, LEASE, lambda lane: lane.service != "death")
        assert [one.facts.id for one in claims] == [birth]
        world.clock.at += 1.1
        assert [one.facts.id for one in await claim(world.outbox)] == [death]

    asyncio.run(story())


def test_places_are_counted_in_ones_own_village_and_class(world: World) -> None:
    """The place counts those before it; who is delivered has none."""

    async def story() -> None:
        ids = await accept(
            world,
            world.new(filed=1.0),
            world.new(filed=2.0, village=OTHER_VILLAGE),
            world.new(filed=3.0, priority=Priority.URGENT),
            world.new(filed=4.0, service="death"),
        )
        assert [await world.outbox.place(id_) for id_ in ids] == [1, 1, 1, 2]
        waiting = await world.outbox.waiting()
        assert [one.priority for one in waiting] == sorted({one.priority for one in waiting})
        assert sum(one.count for one in waiting) == len(ids)
        assert {one.oldest for one in waiting} == {START + 1.0, START + 3.0}
        await claimed_ids(world.outbox, 2)
        assert [await world.outbox.place(id_) for id_ in ids] == [None, 1, None, 1]
        assert await world.outbox.place("nothing") is None

    asyncio.run(story())


def test_lists_go_page_by_page(world: World) -> None:
    """Newest first, filtered, and the last id shown leads to the next page."""

    async def story() -> None:
        ids = await accept(world, *(world.new(village=VILLAGE if n % 2 else OTHER_VILLAGE) for n in range(5)))
        first = await world.outbox.page(Wanted(limit=3))
        rest = await world.outbox.page(Wanted(limit=3, before=first[-1].id))
        assert [one.id for one in (*first, *rest)] == ids[::-1]
        chosen = await world.outbox.page(Wanted(village=VILLAGE, state=State.QUEUED, service="birth"))
        assert [one.id for one in chosen] == [ids[3], ids[1]]
        assert await world.outbox.page(Wanted(caller="nobody")) == ()

    asyncio.run(story())


def test_what_ended_is_shredded_after_its_time(world: World) -> None:
    """The content of what ended before that time is gone; facts, moves and the key stay; open ones are untouched."""

    async def story() -> None:
        ended, waiting = await accept(world, world.new(key="k", form={}, subject=1), world.new())
        await world.outbox.act(ended, "cancel", "caller:desk000001")
        assert await world.outbox.shred(START) == 0
        assert await world.outbox.shred(START + 1.0) == 1
        assert await world.outbox.shred(START + 1.0) == 0
        assert await world.outbox.read(ended) is None
        assert await world.outbox.read(waiting) is not None
        assert await states(world, ended) == ["queued", "cancelled"]
        repeated = await world.outbox.accept(world.new(key="k", form={}, subject=1))
        assert (repeated.fresh, repeated.receipt.state) == (False, State.CANCELLED)

    asyncio.run(story())


def test_after_an_old_copy_was_restored_everything_is_asked_about(world: World) -> None:
    """Queued, under way, delivered and in attention become unknown; ends, desks and returned claims change nothing."""

    async def story() -> None:
        delivered, sending, attention, queued, review, cancelled = await accept(
            world,
            *(world.new(filed=float(n)) for n in range(4)),
            world.new(state=State.IN_REVIEW),
            world.new(filed=9.0),
        )
        await world.outbox.act(cancelled, "cancel", "caller:desk000001")
        first, lost, third = await claim(world.outbox, 3)
        await world.outbox.finish(first, DELIVERED)
        await world.outbox.finish(third, Ending(State.ATTENTION, "form_invalid"))
        assert await world.outbox.doubt() == 4
        assert await world.outbox.doubt() == 0
        assert await world.outbox.finish(lost, DELIVERED) is None
        assert await world.outbox.expire() == 0
        claims = await claim(world.outbox)
        assert [one.facts.id for one in claims] == [delivered, sending, attention, queued]
        assert {one.facts.state for one in claims} == {State.UNKNOWN}
        assert await states(world, delivered) == ["queued", "sending", "delivered", "unknown"]
        await world.outbox.finish(claims[0], DELIVERED)
        facts = await world.outbox.find(review)
        assert facts is not None
        assert facts.state is State.IN_REVIEW

    asyncio.run(story())


def test_keys_are_forgotten_after_their_submission_ended(world: World) -> None:
    """A key lives as long as its submission is open, and then until its own time."""

    async def story() -> None:
        ended, _open = await accept(world, world.new(key="a", form={}, subject=1), world.new(key="b"))
        assert await world.outbox.forget_keys(START + 1.0) == 0
        await world.outbox.act(ended, "cancel", "caller:desk000001")
        assert await world.outbox.forget_keys(START) == 0
        assert await world.outbox.forget_keys(START + 1.0) == 1
        assert (await world.outbox.accept(world.new(key="a", form={}, subject=1))).fresh

    asyncio.run(story())


def test_illegal_ends_of_a_claim_are_refused(world: World) -> None:
    """A claim cannot end in a state the table does not lead to, and stays as it was."""

    async def story() -> None:
        (id_,) = await accept(world, world.new())
        (one,) = await claim(world.outbox)
        with pytest.raises(Conflict):
            await world.outbox.finish(one, Ending(State.EXPIRED))
        facts = await world.outbox.find(id_)
        assert facts == one.facts
        assert await world.outbox.finish(one, DELIVERED)

    asyncio.run(story())


def test_two_dispatchers_share_the_work(world: World) -> None:
    """Claiming at once from two processes, each submission goes to exactly one of them."""

    async def story() -> None:
        ids = await accept(world, *(world.new(filed=float(n)) for n in range(20)))
        other = world.another()
        found = []
        for _ in range(10):
            for batch in await asyncio.gather(claim(world.outbox, 2), claim(other, 2)):
                found += [one.facts.id for one in batch]
            world.clock.at += 1.1
        assert sorted(found) == sorted(ids)

    asyncio.run(story())
