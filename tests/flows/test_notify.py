"""The verb notify: each move is told at least once, a deaf target holds up nobody, after a day a person looks."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import structlog

from gateway.contract.errors import StorageUnavailable
from gateway.contract.roles import NotDelivered
from gateway.contract.submissions import SubmissionState as State
from gateway.flows.lease import Lease
from gateway.flows.notify import EACH, Announcer, Patience
from gateway.outbox.outbox import Ending
from gateway.testing.memory_following import MemoryNotifying
from gateway.testing.memory_store import MemoryOutbox
from tests.outbox.world import LEASE, HandClock, World, always

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract.roles import Notification

PATIENCE = Patience(give_up=86_400.0, first=5.0, longest=3_600.0, widest=16)


class Ears:
    """Targets by name: how many times each still fails, and what it heard."""

    def __init__(self, **fails: int) -> None:
        self.fails = fails
        self.heard: list[tuple[str, str]] = []
        self.tries = 0
        self.error = NotDelivered("http_500")
        self.holding: asyncio.Event | None = None
        self.slow = {"deaf"}

    def targets(self, notification: Notification) -> Sequence[str]:
        """All of them, for a caller that is known."""
        return list(self.fails) if notification.caller_name == "desk" else []

    async def deliver(self, notification: Notification, target: str) -> None:
        """Hear, or fail once more."""
        self.tries += 1
        if self.holding is not None and target in self.slow:
            await self.holding.wait()
        if self.fails[target]:
            self.fails[target] -= 1
            raise self.error
        self.heard.append((notification.id, target))


class Stage:
    """An announcer over a memory."""

    def __init__(self, ears: Ears) -> None:
        self.clock = HandClock()
        self.outbox = MemoryOutbox(self.clock)
        self.world = World(self.outbox, self.clock)
        self.notifying = MemoryNotifying(self.outbox, self.clock)
        self.ears = ears
        self.announcer = self.another()

    def another(self, seed: int = 1) -> Announcer:
        """One more instance."""
        names = {"desk000001": "desk"}
        announcer = Announcer(self.notifying, lambda id_: names.get(id_, ""), self.clock, random.Random(seed), PATIENCE)
        announcer.notifiers = {"webhook": self.ears}
        return announcer

    async def turn(self, seconds: float = 0.0) -> None:
        """One turn to its end, then let time pass."""
        await self.announcer.turn()
        await self.announcer.idle()
        self.clock.at += seconds

    async def move(self, count: int = 1, caller: str = "desk000001") -> list[str]:
        """Submissions that reach the centre; the ids of what is told of them."""
        ids = []
        for _ in range(count):
            id_ = (await self.outbox.accept(self.world.new(caller=caller))).receipt.id
            (claimed,) = await self.outbox.claim(1, LEASE, always)
            await self.outbox.finish(claimed, Ending(State.DELIVERED))
            ids.append(f"msg_{id_}_3")
        return ids


def test_each_move_is_told_each_target_once_it_hears() -> None:
    """Failures are repeated with the same id after pauses that grow, until it was heard; then it is gone."""

    async def main() -> None:
        stage = Stage(Ears(office=0, slow=3))
        await stage.turn()
        (id_,) = await stage.move()
        await stage.move(caller="stranger")
        for _ in range(200):
            await stage.turn(1.0)
        assert sorted(stage.ears.heard) == [(id_, "office"), (id_, "slow")]
        assert stage.ears.tries == 5
        assert await stage.notifying.listed(None, 9) == ()

    asyncio.run(main())


def test_after_a_day_of_failures_a_person_must_look() -> None:
    """Dead after a day, told in the log, and tried anew when a person says so."""

    async def main() -> None:
        stage = Stage(Ears(office=1_000_000))
        await stage.turn()
        (id_,) = await stage.move()
        with structlog.testing.capture_logs() as logs:
            for _ in range(200):
                await stage.turn(600.0)
        assert stage.ears.tries < 60
        (dead,) = await stage.notifying.listed("dead", 9)
        assert (dead.code, dead.state) == ("http_500", "dead")
        assert stage.clock.at - dead.first_at >= 86_400.0
        assert [line["event"] for line in logs if line["log_level"] == "error"] == ["notify.delivery.dead"]
        stage.ears.fails["office"] = 0
        stage.clock.at += 3_600.0
        assert await stage.notifying.retry({dead.id}) == 1
        await stage.turn()
        assert stage.ears.heard == [(id_, "office")]

    asyncio.run(main())


def test_what_a_target_wants_no_more_is_dead_at_once() -> None:
    """A refusal for good is not repeated."""

    async def main() -> None:
        stage = Stage(Ears(office=9))
        stage.ears.error = NotDelivered("http_410", for_good=True)
        await stage.turn()
        await stage.move()
        for _ in range(20):
            await stage.turn(1_000.0)
        assert stage.ears.tries == 1
        assert (await stage.notifying.counts()).dead == 1

    asyncio.run(main())


def test_a_target_that_asks_for_time_gets_it() -> None:
    """Retry-After is kept, as far as the longest pause."""

    async def main() -> None:
        stage = Stage(Ears(office=1))
        stage.ears.error = NotDelivered("http_429", retry_after=1_000.0)
        await stage.turn()
        await stage.move()
        for _ in range(90):
            await stage.turn(10.0)
        assert stage.ears.tries == 1
        for _ in range(15):
            await stage.turn(10.0)
        assert len(stage.ears.heard) == 1

    asyncio.run(main())


def test_a_deaf_target_holds_up_nobody() -> None:
    """While it does not answer, others hear all of theirs; it has at most a few under way."""

    async def main() -> None:
        ears = Ears(deaf=0, office=0)
        stage = Stage(ears)
        await stage.turn()
        ids = await stage.move(40)
        ears.holding = asyncio.Event()
        for _ in range(20):
            await stage.announcer.turn()
            await asyncio.sleep(0)
            assert len(stage.announcer._under_way) <= 2 * EACH
        assert sorted(ears.heard) == sorted((id_, "office") for id_ in ids)
        ears.holding.set()
        for _ in range(20):
            await stage.turn()
        assert len(ears.heard) == 80

    asyncio.run(main())


def test_a_failing_target_rests_as_a_whole() -> None:
    """A thousand waiting notifications are not a thousand tries at a server that is down."""

    async def main() -> None:
        stage = Stage(Ears(office=1_000_000))
        await stage.turn()
        await stage.move(200)
        for _ in range(600):
            await stage.turn(1.0)
        assert stage.ears.tries < 60
        stage.ears.fails["office"] = 0
        for _ in range(4_000):
            await stage.turn(1.0)
        assert len(stage.ears.heard) == 200

    asyncio.run(main())


def test_another_instance_goes_on_and_nothing_is_left_out() -> None:
    """What was under way when one stopped is told by the next: at least once."""

    async def main() -> None:
        ears = Ears(deaf=0)
        stage = Stage(ears)
        await stage.turn()
        ids = await stage.move(6)
        ears.holding = asyncio.Event()
        await stage.announcer.turn()
        other = stage.another(seed=2)
        await other.turn()
        assert ears.heard == []
        await stage.announcer.close()
        ears.holding.set()
        for _ in range(5):
            await other.turn()
            await other.idle()
        assert sorted(ears.heard) == sorted((id_, "deaf") for id_ in ids)

    asyncio.run(main())


def test_a_notifier_that_went_away_leaves_its_deliveries() -> None:
    """Switched off, nothing is tried; switched on again, what waits is told."""

    async def main() -> None:
        stage = Stage(Ears(office=0))
        await stage.turn()
        stage.ears.fails["office"] = 1
        await stage.move()
        await stage.turn(100.0)
        stage.announcer.notifiers = {}
        await stage.turn(100.0)
        assert (await stage.notifying.counts()).pending == 1
        stage.announcer.notifiers = {"webhook": stage.ears}
        await stage.turn()
        assert len(stage.ears.heard) == 1

    asyncio.run(main())


def test_slow_targets_keep_out_nobody() -> None:
    """Although a few that are slow have enough to fill all places, others are told in the same turn."""

    async def main() -> None:
        stage = Stage(Ears(a=0, b=0, c=0, d=0, zed=0))
        stage.ears.slow, stage.ears.holding = {"a", "b", "c", "d"}, asyncio.Event()
        await stage.turn()
        ids = await stage.move(EACH + 1)
        for _ in range(EACH + 1):
            await stage.announcer.turn()
            for _ in range(20):
                await asyncio.sleep(0)
        assert [id_ for id_, target in stage.ears.heard if target == "zed"] == ids
        stage.ears.holding.set()
        for _ in range(EACH):
            await stage.turn()
        assert sorted(stage.ears.heard) == sorted((id_, target) for id_ in ids for target in stage.ears.fails)

    asyncio.run(main())


def test_a_lease_that_cannot_be_given_up_stops_nobody() -> None:
    """Where the storage fails at the end, the lease is over by itself, and whoever closes goes on."""

    async def main() -> None:
        async def take(_holder: str) -> int:
            return 1

        async def fail(_token: int) -> None:
            raise StorageUnavailable

        lease = Lease(take, fail, "one", HandClock())
        assert await lease.hold() == 1
        with structlog.testing.capture_logs() as logs:
            await lease.release()
        assert lease.token is None
        assert [line["event"] for line in logs] == ["lease.not_given_up"]

    asyncio.run(main())
