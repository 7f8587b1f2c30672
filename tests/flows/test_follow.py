"""The verb follow: at least once, in order, whatever a page holds; caches forget in every instance."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.centre.transport import Incoming
from gateway.centre.write_replies import Refused, events
from gateway.contract.errors import CentreMisanswered, CentreUnreachable
from gateway.contract.submissions import SubmissionState as State
from gateway.flows.follow import PAGE, Follower
from gateway.flows.forget import Forgetter
from gateway.outbox.follow_rows import DOUBTED_AT_ONCE
from gateway.outbox.outbox import Ending
from gateway.testing.memory_following import MemoryFollowing
from gateway.testing.memory_store import MemoryOutbox
from tests.outbox.world import LEASE, NIK, START, HandClock, World, always

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.centre.link import Trip
    from gateway.centre.write_replies import EventPage
    from gateway.contract.events import CentreEvent
    from gateway.contract.submissions import SubmissionMoved
    from gateway.outbox.following import TakenIn, Tiding

KK = "3527030101900001"


def event(seq: int, kind: str = "change", **more: Any) -> dict[str, Any]:
    """An event as the centre tells it."""
    about = {"nik": NIK, "no_kk": KK} if kind in {"change", "death"} else {}
    return {"seq": seq, "at": datetime.fromtimestamp(START, UTC).isoformat(), "kind": kind, **about, **more}


def issued(seq: int, reference: str, *kinds: str) -> dict[str, Any]:
    """Something was issued."""
    documents = [{"kind": kind, "number": f"N-{kind}", "receipt": f"D-{kind}"} for kind in kinds]
    return event(seq, "issued", reference=reference, receipt="SK1", documents=documents)


BIRTH = ("akta_kelahiran", "kk", "kia")


class Far:
    """The centre's events.

    Attributes:
        told: All events, in order, as they come over the wire.
        faults: Raised by the next calls, one each.
        asked: Cursor and limit of each call.
        largest: Events a page may hold before it is too large to be read.
    """

    def __init__(self, *told: Any) -> None:
        self.told: list[Any] = list(told)
        self.faults: list[Exception] = []
        self.asked: list[tuple[int, int]] = []
        self.largest = 10_000

    async def events(self, trip: Trip, after: int, limit: int) -> EventPage | Refused:
        """As the mock does, junk included."""
        assert trip.right == "sampang"
        self.asked.append((after, limit))
        if self.faults:
            raise self.faults.pop(0)
        places = [one["seq"] if isinstance(one, dict) and isinstance(one.get("seq"), int) else 0 for one in self.told]
        if after > max(places, default=0):
            return Refused("cursor_unknown")
        behind = [one for one, place in zip(self.told, places, strict=True) if place > after or not place]
        page = behind[:limit]
        if len(page) > self.largest:
            raise CentreMisanswered
        upto = max((one["seq"] for one in page if isinstance(one, dict) and "seq" in one), default=after)
        body = {"events": page, "next": max(upto, after), "more": len(behind) > limit}
        return events(after, Incoming(200, "application/json", msgspec.json.encode(body)))


class Stage:
    """A follower over a memory, and all it told."""

    def __init__(self, far: Far) -> None:
        self.clock = HandClock()
        self.outbox = MemoryOutbox(self.clock)
        self.world = World(self.outbox, self.clock)
        self.far = far
        self.following = MemoryFollowing(self.outbox, self.clock)
        self.moved: list[SubmissionMoved] = []
        self.seen: list[CentreEvent] = []
        self.woken = 0
        self.follower = self.another(self.following)

    def another(self, following: MemoryFollowing, seed: int = 1) -> Follower:
        """One more instance."""
        accounts = {"sampang": ["sampang"]}
        follower = Follower(following, self.far, lambda: accounts, str.encode, self.clock, random.Random(seed))
        follower.tell, follower.observe = self.moved.append, self.seen.append
        follower.woken = self._wake
        return follower

    def _wake(self) -> None:
        self.woken += 1

    async def delivered(self, count: int = 1) -> list[str]:
        """Submissions the centre has."""
        ids = []
        for _ in range(count):
            ids.append((await self.outbox.accept(self.world.new())).receipt.id)
            (claimed,) = await self.outbox.claim(1, LEASE, always)
            await self.outbox.finish(claimed, Ending(State.DELIVERED, centre_receipt="SK1"))
        return ids

    async def state(self, id_: str) -> State:
        """Where one stands."""
        facts = await self.outbox.find(id_)
        assert facts is not None
        return facts.state


def test_all_that_happened_takes_effect_once() -> None:
    """Issued, rejected, changed, died: moves, documents and news, in order, and nothing the second time."""

    async def main() -> None:
        stage = Stage(Far())
        good, bad = await stage.delivered(2)
        rejection = {"code": "kk_unknown", "text": "KK tidak ada"}
        stage.far.told += [
            event(1, elements=["ALAMAT"], no_kk_before="3527030101900002"),
            issued(3, good, *BIRTH),
            event(4, "rejected", reference=bad, receipt="SK2", rejection=rejection),
            event(5, "death"),
            event(8, "recording", reference="r" * 36, receipt="SK3", nik=NIK, state="PRINT_READY_RECORD"),
        ]
        await stage.follower.turn()
        await stage.follower.turn()
        assert [(one.id, str(one.move.after), one.move.reason) for one in stage.moved] == [
            (good, "issued", ""),
            (bad, "rejected", "kk_unknown"),
        ]
        assert [one.kind for one in await stage.following.documents(good)] == list(BIRTH)
        news = await stage.following.news(0)
        assert news.subjects == (NIK.encode(), KK.encode(), b"3527030101900002")
        assert [(one.seq, one.kind, one.code) for one in stage.seen] == [
            (1, "change", ""),
            (3, "issued", ""),
            (4, "rejected", "kk_unknown"),
            (5, "death", ""),
            (8, "recording", "PRINT_READY_RECORD"),
        ]
        assert (stage.woken, await stage.following.cursor("sampang")) == (1, 8)
        assert await stage.following.read_at() == START

    asyncio.run(main())


def test_junk_is_logged_and_skipped() -> None:
    """Nothing of a page that cannot be used stops what stands behind it, and none of its text gets into the log."""

    async def main() -> None:
        stage = Stage(Far())
        (good,) = await stage.delivered()
        huge = [{"kind": "kk", "number": "9" * 90, "receipt": "x"}] * 500
        stage.far.told += [
            "junk",
            event(2, "moon_landing", nik=NIK),
            event(3, "issued", reference=good, receipt="SK1", documents=huge),
            event(4, nik="not a number"),
            {"seq": 5},
            event(6, "issued", reference=NIK, receipt="SK1"),
            event(7, "rejected", reference=good, receipt="x"),
            issued(9, good, *BIRTH),
        ]
        with structlog.testing.capture_logs() as logs:
            await stage.follower.turn()
        assert await stage.state(good) is State.ISSUED
        assert await stage.following.cursor("sampang") == 9
        told = [(line["event"], line.get("place"), line.get("reason")) for line in logs]
        assert ("follow.event.skipped", None, "unreadable") in told
        assert ("follow.event.skipped", 3, "unreadable") in told
        assert ("follow.event.skipped", 7, "incomplete") in told
        assert ("follow.event.unknown_kind", 2, None) in told
        assert ("follow.event.unmoved", 6, "foreign") in told
        assert NIK not in str(logs)

    asyncio.run(main())


def test_a_page_too_large_to_be_read_is_asked_for_in_parts() -> None:
    """Fewer events at once until they can be read, then more again; the account rests between vain tries."""

    async def main() -> None:
        stage = Stage(Far(*(event(seq) for seq in range(1, PAGE + 1))))
        stage.far.largest = PAGE // 4
        for _ in range(8):
            await stage.follower.turn()
            stage.clock.at += 100.0
        assert await stage.following.cursor("sampang") == PAGE
        assert [limit for _, limit in stage.far.asked[:3]] == [PAGE, PAGE // 2, PAGE // 4]

    asyncio.run(main())


def test_a_centre_that_is_away_is_asked_more_and_more_seldom() -> None:
    """A failed read rests its account, at most a minute, and reading goes on from the same place."""

    async def main() -> None:
        stage = Stage(Far(event(1)))
        stage.far.faults += [CentreUnreachable(executed="no") for _ in range(10)]
        for _ in range(400):
            await stage.follower.turn()
            stage.clock.at += 1.0
        assert 10 <= len(stage.far.asked) < 200
        assert await stage.following.cursor("sampang") == 1

    asyncio.run(main())


def test_a_centre_put_back_is_read_anew_and_asked_about_what_it_had() -> None:
    """A cursor beyond its last event: what was delivered is in doubt, then its events are read from the beginning."""

    async def main() -> None:
        stage = Stage(Far())
        first, second = await stage.delivered(2)
        stage.far.told += [event(seq) for seq in range(1, 50)]
        await stage.follower.turn()
        stage.clock.at += 60.0
        stage.far.told = [issued(1, first, *BIRTH)]
        await stage.follower.turn()
        assert await stage.state(first) is State.ISSUED
        assert await stage.state(second) is State.UNKNOWN
        assert await stage.following.cursor("sampang") == 1
        reasons = [one.move.reason for one in stage.moved if one.move.after is State.UNKNOWN]
        assert reasons == ["centre_restored"] * 2

    asyncio.run(main())


class Pieces(MemoryFollowing):
    """Notes how many are doubted in each transaction."""

    sizes: ClassVar[list[int]] = []

    async def rewind(self, token: int, account: str, ids: Sequence[str]) -> tuple[SubmissionMoved, ...] | None:
        """Doubt them."""
        self.sizes.append(len(ids))
        return await super().rewind(token, account, ids)


def test_a_centre_put_back_is_doubted_in_pieces() -> None:
    """However much it had taken: the cursor goes back only behind the last of them."""

    async def main() -> None:
        stage = Stage(Far())
        ids = await stage.delivered(DOUBTED_AT_ONCE + 10)
        pieces = Pieces(stage.outbox, stage.clock)
        pieces.sizes.clear()
        follower = stage.another(pieces)
        stage.far.told += [event(seq) for seq in range(1, 5)]
        await follower.turn()
        stage.clock.at += 60.0
        stage.far.told = [issued(1, ids[-1], *BIRTH)]
        await follower.turn()
        assert pieces.sizes == [DOUBTED_AT_ONCE, 10, 0]
        assert [await stage.state(id_) for id_ in ids] == [State.UNKNOWN] * (len(ids) - 1) + [State.ISSUED]
        assert await pieces.cursor("sampang") == 1

    asyncio.run(main())


def test_one_instance_follows_and_another_takes_over() -> None:
    """The second neither asks nor tells until the first is gone, then goes on where that one was."""

    async def main() -> None:
        stage = Stage(Far(event(1)))
        other = stage.another(stage.following, seed=2)
        await stage.follower.turn()
        await other.turn()
        assert len(stage.far.asked) == 1
        await stage.follower.close()
        stage.far.told.append(event(2))
        await other.turn()
        assert await stage.following.cursor("sampang") == 2
        assert [one.seq for one in stage.seen] == [1, 2]

    asyncio.run(main())


class Stubborn(MemoryFollowing):
    """A storage that cannot take in one event, whatever comes with it."""

    async def take_in(self, token: int, account: str, tidings: Any, upto: int) -> TakenIn | None:
        """Refuse the poisoned one."""
        told: list[Tiding] = list(tidings)
        if any(one.seq == 2 for one in told):
            raise ValueError("impossible")
        return await super().take_in(token, account, told, upto)


def test_an_event_that_cannot_be_taken_in_is_skipped_alone() -> None:
    """Its page is taken in one by one: what stands before and behind it has its effect."""

    async def main() -> None:
        stage = Stage(Far())
        (good,) = await stage.delivered()
        stage.far.told += [event(1), event(2), issued(3, good, *BIRTH)]
        stubborn = Stubborn(stage.outbox, stage.clock)
        with structlog.testing.capture_logs() as logs:
            await stage.another(stubborn).turn()
        assert await stage.state(good) is State.ISSUED
        assert len((await stubborn.news(0)).subjects) == 2
        assert await stubborn.cursor("sampang") == 3
        assert [line["place"] for line in logs if line["event"] == "follow.event.skipped"] == [2]

    asyncio.run(main())


class Remembers:
    """A cache that knows what it forgot."""

    def __init__(self) -> None:
        self.place: int | None = None
        self.forgot: list[bytes] = []
        self.all = 0

    async def noted(self) -> int | None:
        """The place."""
        return self.place

    async def forget_marks(self, halves: Collection[bytes], upto: int | None = None) -> None:
        """Keep them."""
        self.forgot += halves
        self.place = upto

    async def forget_all(self, upto: int) -> None:
        """Count it."""
        self.all += 1
        self.place = upto


def test_every_instance_forgets_by_itself() -> None:
    """One that was down forgets what it missed; one that was down too long, or never looked, forgets everything."""

    async def main() -> None:
        stage, here, there = Stage(Far(event(1))), Remembers(), Remembers()
        forgetters = [Forgetter(stage.following, one) for one in (here, there)]
        for one in forgetters:
            await one.turn()
        await stage.follower.turn()
        await forgetters[0].turn()
        await forgetters[0].turn()
        assert (here.forgot, there.forgot) == ([NIK.encode(), KK.encode()], [])
        stage.clock.at += 1e7
        stage.far.told.append(event(2, no_kk="3527030101900009"))
        await stage.follower.turn()
        await stage.following.forget_news(stage.clock.at - 1e6)
        for one in forgetters:
            await one.turn()
        assert (here.all, there.all) == (1, 2)
        assert here.place == there.place == 4
        assert here.forgot[-1] == b"3527030101900009"

    asyncio.run(main())


def test_what_was_remembered_before_the_first_look_is_forgotten() -> None:
    """A new file, and news from before anybody looked: nobody knows which of its answers they are about."""

    async def main() -> None:
        stage, fresh = Stage(Far(event(1))), Remembers()
        await stage.follower.turn()
        await Forgetter(stage.following, fresh).turn()
        assert (fresh.all, fresh.forgot, fresh.place) == (1, [], 2)
        await Forgetter(stage.following, fresh).turn()
        assert fresh.all == 1

    asyncio.run(main())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_told_in_whatever_pages_the_end_is_the_same(data: st.DataObject) -> None:
    """Any order of decisions, repeated, cut into any pages, read by instances that die in between: one outcome."""
    count = data.draw(st.integers(1, 4))
    kinds = st.sampled_from(["issued", "rejected", "part", "rest", "change", "junk"])
    story = data.draw(st.lists(st.tuples(st.integers(0, count - 1), kinds), min_size=1, max_size=15))
    limits = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))

    async def told(pages: list[int], *, dying: bool) -> tuple[list[State], list[bytes], int]:
        stage = Stage(Far())
        ids = await stage.delivered(count)
        stage.far.told = [_tell(seq, ids[which], kind) for seq, (which, kind) in enumerate(story, 1)]
        follower = stage.follower
        for turn, limit in enumerate(pages * (len(story) + 1)):
            if dying:
                await follower.close()
                follower = stage.another(stage.following, seed=turn)
            follower._known.clear()
            follower._known.setdefault("sampang", _limited(limit))
            await follower.turn()
        states = [await stage.state(id_) for id_ in ids]
        return states, list((await stage.following.news(0)).subjects), await stage.following.cursor("sampang")

    first, second = asyncio.run(told([PAGE], dying=False)), asyncio.run(told(limits, dying=True))
    assert first[0] == second[0]
    assert set(first[1]) == set(second[1])
    assert first[2] == second[2]


def _limited(limit: int) -> Any:
    from gateway.flows.follow import _Account  # noqa: PLC0415 # how a small page is ordered

    return _Account(limit=limit)


def _tell(seq: int, reference: str, kind: str) -> Any:
    if kind == "rejected":
        return event(seq, "rejected", reference=reference, receipt="x", rejection={"code": "kk_unknown"})
    parts = {"issued": BIRTH, "part": BIRTH[:1], "rest": BIRTH[1:]}
    if kind in parts:
        return issued(seq, reference, *parts[kind])
    return event(seq, no_kk=f"35270301019{seq:05d}") if kind == "change" else {"seq": seq, "kind": None}
