"""What the centre has and we lost is kept, shown, and not doubled by who repeats it; on every storage alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gateway.catalogue.receipts import new_id
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.following import Stray, Tiding
from tests.outbox.test_following import AKTA, KIA, KK, WHOLE, take
from tests.outbox.world import LEASE, START, always

if TYPE_CHECKING:
    from gateway.outbox.outbox import NewSubmission
    from tests.outbox.world import World

LOST_AT = START - 3600.0
DECIDED_AT = START - 60.0


def lost(world: World, new: NewSubmission, at: float = LOST_AT) -> str:
    """The id under which the same was handed in an hour ago, before the database was lost."""
    tail = world.outbox.tail(new.caller, new.key, new.submission.origin_id)
    return new_id(at, world.rng.getrandbits, tail)


def renewed(world: World, new: NewSubmission) -> NewSubmission:
    """A hand-in with an id as the verb makes it."""
    return replace(new, id=lost(world, new, world.clock.at))


def test_what_the_centre_tells_of_the_unknown_is_kept_and_shown(world: World) -> None:
    """With what it decided and when, once for all it told, until a person has seen to it; junk is not kept."""

    async def main() -> None:
        id_, other = (lost(world, world.new()) for _ in range(2))
        await take(world, Tiding(1, id_, "SK1", (KK,), at=DECIDED_AT - 9), Tiding(2, "3527034101900001", "SK2", (KK,)))
        await take(world, Tiding(3, id_, "SK1", (AKTA, KK), at=DECIDED_AT))
        await take(world, Tiding(4, other, "SK3", rejected="data_mismatch", at=DECIDED_AT))
        told = world.clock.at
        first = Stray(id_, LOST_AT, "sampang", "SK1", (AKTA.kind, KK.kind), "", DECIDED_AT, told)
        second = Stray(other, LOST_AT, "sampang", "SK3", (), "data_mismatch", DECIDED_AT, told)
        assert sorted(await world.following().strays(), key=lambda one: one.receipt) == [first, second]
        assert await world.following().settle(id_, "operator:test", "asked the office")
        assert not await world.following().settle(id_, "operator:test", "")
        assert await world.following().strays() == (second,)

    asyncio.run(main())


def test_a_repetition_becomes_what_the_centre_has(world: World) -> None:
    """Known by its key, or across callers by its `origin_id`: it is issued under the lost id, and nothing is sent."""

    async def main() -> None:
        for seq, origin in enumerate((None, "device-1"), 1):
            new = world.new(origin=origin)
            id_ = lost(world, new)
            await take(world, Tiding(seq, id_, "SK1", WHOLE))
            again = new if origin is None else replace(new, caller="desk000002", key="other")
            accepted = await world.outbox.accept(renewed(world, again))
            receipt = accepted.receipt
            assert (receipt.id, accepted.fresh, receipt.state, receipt.filed_at) == (id_, False, State.ISSUED, LOST_AT)
            assert await world.following().documents(id_) == WHOLE
            assert (await world.outbox.accept(renewed(world, again))).receipt == receipt
            moves = [str(move.after) for move in await world.outbox.moves(id_)]
            assert moves == ["queued", "unknown", "delivered", "issued"]
        assert await world.following().strays() == ()
        assert await world.outbox.claim(5, LEASE, always) == []

    asyncio.run(main())


def test_a_repetition_goes_on_with_what_the_centre_tells_later(world: World) -> None:
    """Some documents before it, the rest after it: issued with all of them. A rejection comes with its coded reason."""

    async def main() -> None:
        new, wrong = world.new(), world.new()
        id_, rejected = lost(world, new), lost(world, wrong)
        await take(world, Tiding(1, id_, "SK1", (AKTA, KK)), Tiding(2, rejected, "SK2", rejected="kk_unknown"))
        accepted = await world.outbox.accept(renewed(world, new))
        assert (accepted.receipt.id, accepted.receipt.state) == (id_, State.DELIVERED)
        await take(world, Tiding(3, id_, "SK1", (KIA,)))
        await world.outbox.accept(renewed(world, wrong))
        found = [await world.outbox.find(one) for one in (id_, rejected)]
        assert [one and (one.state, one.reason, one.centre_receipt) for one in found] == [
            (State.ISSUED, "", "SK1"),
            (State.REJECTED, "kk_unknown", "SK2"),
        ]
        assert await world.following().documents(id_) == WHOLE

    asyncio.run(main())


def test_a_named_reference_is_asked_about_before_it_is_sent_again(world: World) -> None:
    """Of what the centre decided nothing yet the receipt in a caller's hands is enough; no other hand-in is touched.

    What was repeated before its reference was known may be doubled: the stray names it.
    """

    async def main() -> None:
        new, other = world.new(), world.new()
        id_, early = lost(world, new), lost(world, other)
        assert await world.following().recall([id_, "junk", id_]) == (id_,)
        assert await world.following().recall([id_]) == ()
        plain = await world.outbox.accept(renewed(world, other))
        assert plain.fresh
        await world.outbox.accept(renewed(world, new))
        states = {one.facts.id: one.facts.state for one in await world.outbox.claim(5, LEASE, always)}
        assert states == {id_: State.UNKNOWN, plain.receipt.id: State.SENDING}
        assert await world.following().strays() == ()
        await take(world, Tiding(1, early, "SK1", WHOLE))
        (stray,) = await world.following().strays()
        assert (stray.reference, stray.repeated_as) == (early, (plain.receipt.id,))

    asyncio.run(main())
