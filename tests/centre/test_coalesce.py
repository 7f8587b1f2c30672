"""Equal questions share one call, and nothing but its answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.centre.cache_key import CacheKeys
from gateway.centre.coalesce import GRACE, Coalesce
from gateway.centre.link import Carried, renewed
from gateway.contract.errors import CentreTimeout, CentreUnreachable, Internal, Overloaded, QuotaExhausted
from gateway.contract.messages import Answer
from gateway.database.errors import StorageFailed, StorageFault
from tests.centre.stage import FarEnd, LoopClock, a_call, left_over, raises, reply, takes, virtually

if TYPE_CHECKING:
    from gateway.centre.link import Asker
    from gateway.contract.messages import Call, Reply

KEYS = CacheKeys(b"synthetic-secret-0123456789")


def coalesce(far: FarEnd) -> Coalesce:
    """The link under test."""
    return Coalesce(far, key_of=KEYS.of, clock=far.clock, horizon=60.0)


def test_a_thousand_askers_of_one_nik_cause_one_call_and_get_the_same_object() -> None:
    """1,000 concurrent askers of one NIK under one right cause one call, and all hold its very answer."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(1.0))
        link = coalesce(far)
        answers = await asyncio.gather(*(link.ask(a_call(caller=f"desk{n}")) for n in range(1000)))
        assert len(far.calls) == 1
        assert len({id(answer) for answer in answers}) == 1
        assert (link.in_flight, left_over()) == (0, 0)

    virtually(main())


def test_ten_callers_of_two_rights_cause_two_calls() -> None:
    """A call is never shared across rights."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(1.0))
        link = coalesce(far)
        await asyncio.gather(*(link.ask(a_call(right=f"right{n % 2}")) for n in range(10)))
        assert sorted(call.right for call in far.calls) == ["right0", "right1"]

    virtually(main())


def test_a_cancelled_leader_does_not_fail_the_others() -> None:
    """The asker who started the flight may leave; those who joined still get the answer of the one call."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(1.0))
        link = coalesce(far)
        leader = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(0.1)
        follower = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(0.1)
        leader.cancel()
        assert isinstance(await follower, Answer)
        assert leader.cancelled()
        assert len(far.calls) == 1

    virtually(main())


def test_the_last_asker_to_leave_cancels_the_call() -> None:
    """With nobody waiting the call ends at once and its place is free for a new flight."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(30.0))
        link = coalesce(far)
        askers = [asyncio.ensure_future(link.ask(a_call())) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert far.running == 1
        for asker in askers:
            asker.cancel()
        await asyncio.gather(*askers, return_exceptions=True)
        assert link.in_flight == 0
        await asyncio.sleep(0)
        assert (far.running, left_over()) == (0, 0)

    virtually(main())


def test_each_asker_obeys_its_own_deadline_and_the_flight_the_latest() -> None:
    """An asker with a short deadline times out at it; one who joined with a longer one gets the answer."""

    async def main() -> None:
        clock = LoopClock()
        far = FarEnd(clock, takes(3.0))
        link = coalesce(far)

        async def marked(call: Call) -> Reply:
            assert isinstance(call, Carried)
            call.flight.sent = call.flight.reached = True
            await asyncio.sleep(3.0)
            return reply()

        far.act = marked
        short = asyncio.ensure_future(link.ask(a_call(deadline=1.0)))
        await asyncio.sleep(0.5)
        long = asyncio.ensure_future(link.ask(a_call(deadline=5.0)))
        with pytest.raises(CentreTimeout):
            await short
        assert clock.monotonic() == pytest.approx(1.0 + GRACE)
        await long
        carried = far.calls[0]
        assert isinstance(carried, Carried)
        assert carried.flight.deadline == 5.0

    virtually(main())


def test_an_asker_whose_question_was_never_sent_hears_overloaded() -> None:
    """A deadline that passes while the question still waits here is not called a timeout of the centre."""

    async def main() -> None:
        link = coalesce(FarEnd(LoopClock(), takes(30.0)))
        with pytest.raises(Overloaded) as caught:
            await link.ask(a_call(deadline=1.0))
        assert caught.value.executed == "no"

    virtually(main())


def test_errors_are_shared_as_instances_of_each_askers_own() -> None:
    """Every asker gets the flight's error with all it says, but no instance is raised twice."""

    async def main() -> None:
        error = CentreUnreachable("no route", retry_after=3.0)
        link = coalesce(FarEnd(LoopClock(), raises(error)))
        caught = await asyncio.gather(*(link.ask(a_call()) for _ in range(5)), return_exceptions=True)
        errors = [each for each in caught if isinstance(each, CentreUnreachable)]
        assert len({id(each) for each in errors} - {id(error)}) == 5
        assert {(each.detail, each.retry_after, each.executed) for each in errors} == {("no route", 3.0, "no")}

    virtually(main())


def test_a_fault_of_ours_reaches_every_asker_as_internal() -> None:
    """An error outside the tree leaves no asker hanging; each hears `internal`."""

    async def main() -> None:
        link = coalesce(FarEnd(LoopClock(), raises(KeyError("nik"))))
        caught = await asyncio.gather(*(link.ask(a_call()) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in caught] == [Internal] * 3

    virtually(main())


def test_joining_tells_the_flight_villages_and_watchers() -> None:
    """Whoever holds the flight is told of each asker that joins; the flight knows all villages."""

    async def main() -> None:
        heard: list[str] = []

        def hear(joined: Asker) -> None:
            heard.append(joined.village)

        async def act(call: Call) -> Reply:
            assert isinstance(call, Carried)
            call.flight.watch(hear)
            await asyncio.sleep(1.0)
            call.flight.unwatch(hear)
            assert [village for village, _ in call.flight.askers] == ["a", "b"]
            return reply()

        link = coalesce(FarEnd(LoopClock(), act))
        first = asyncio.ensure_future(link.ask(a_call(village="a")))
        await asyncio.sleep(0.1)
        await asyncio.gather(first, link.ask(a_call(village="b")))
        assert heard == ["b"]

    virtually(main())


def test_closing_ends_flights_with_a_clear_word() -> None:
    """On shutdown askers are told, and no task is left."""

    async def main() -> None:
        link = coalesce(FarEnd(LoopClock(), takes(30.0)))
        asker = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(0.1)
        await link.close()
        with pytest.raises(Overloaded, match="closing"):
            await asker
        assert left_over() == 0

    virtually(main())


def test_a_renewed_error_keeps_all_that_the_first_one_told() -> None:
    """Also of errors with arguments of their own, and their headers."""
    first = StorageFailed(StorageFault.DISK_FULL)
    second = renewed(first)
    assert isinstance(second, StorageFailed)
    assert (second.fault, second.retry_after, second.__cause__) == (StorageFault.DISK_FULL, 1.0, first)
    told = renewed(QuotaExhausted(retry_after=5.0, executed="yes", headers=(("RateLimit", "r=0"),)))
    assert (told.retry_after, told.executed, told.headers) == (5.0, "yes", (("RateLimit", "r=0"),))
