"""Callers that leave at any moment take their connection with them and give their place back."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
import uvloop

from gateway.contract.errors import GatewayError
from gateway.contract.messages import Answer
from tests.centre_client.far_end import FarEnd, biodata, call, client, http_reply, open_files, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.centre.client import CentreClient
    from tests.centre_client.far_end import Peer

REPLY = http_reply(biodata())
LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


class Mood:
    """Whether the far end answers; while it does not, it reads and keeps silent."""

    def __init__(self) -> None:
        self.answers = False
        self.heard = 0

    async def script(self, peer: Peer) -> None:
        """Serve one connection."""
        while True:
            await peer.request()
            self.heard += 1
            if self.answers:
                peer.writer.write(REPLY)


async def ask_and_leave(centre: CentreClient, turns: int) -> None:
    """Ask, and leave after some turns of the loop."""
    asking = asyncio.create_task(centre.ask(call(seconds=30)))
    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


def unused(centre: CentreClient, connections: int) -> bool:
    """No place is taken, and the engine counts no connection as lent."""
    transport = centre._transport
    assert transport._pool
    return transport._places._value == connections and not transport._pool._acquired


@LOOPS
def test_leaving_at_any_turn_of_the_loop_leaks_nothing(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Cancelled before, while or after connecting, writing or reading: no place, no connection, no socket stays."""

    async def main() -> None:
        mood = Mood()
        async with FarEnd(mood.script) as far:
            centre = client(far.url, connections=4)
            await ask_and_leave(centre, 50)
            assert await settled(lambda: not far.peers)
            before = open_files()
            for turns in range(40):
                mood.answers = turns % 2 == 0
                await ask_and_leave(centre, turns)
                assert unused(centre, 4)
            mood.answers = True
            assert isinstance(await centre.ask(call()), Answer)
            await centre.close()
            assert await settled(lambda: not far.peers)
            assert open_files() <= before

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


def test_thousands_of_cancelled_calls_leave_a_client_that_answers() -> None:
    """3,000 callers leave while the far end is silent; after that every question is answered."""

    async def main() -> None:
        mood = Mood()
        async with FarEnd(mood.script) as far:
            centre = client(far.url, connections=50)
            await ask_and_leave(centre, 50)
            before = open_files()
            for _ in range(15):
                asking = [asyncio.create_task(centre.ask(call(seconds=30))) for _ in range(200)]
                for _ in range(20):
                    await asyncio.sleep(0)
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)
                assert unused(centre, 50)
            mood.answers = True
            answers = await asyncio.gather(*(centre.ask(call()) for _ in range(200)))
            assert len(answers) == 200
            assert unused(centre, 50)
            await centre.close()
            assert await settled(lambda: not far.peers)
            assert open_files() <= before
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    gc.collect()


def test_closing_fails_what_is_under_way_and_what_comes_later() -> None:
    """After `close`, calls fail at once as not sent, and nothing is opened again."""

    async def main() -> None:
        mood = Mood()
        async with FarEnd(mood.script) as far:
            centre = client(far.url)
            under_way = asyncio.create_task(centre.ask(call(seconds=5)))
            assert await settled(lambda: mood.heard == 1)
            await centre.close()
            with pytest.raises(GatewayError) as failed:
                await under_way
            assert failed.value.executed == "unknown"
            with pytest.raises(GatewayError) as later:
                await centre.ask(call())
            assert later.value.executed == "no"
            await centre.close()
            assert far.connections == 1

    asyncio.run(main())


def test_no_more_connections_than_allowed() -> None:
    """Calls beyond the limit wait for a place; those whose deadline comes first were not sent."""

    async def main() -> None:
        mood = Mood()
        async with FarEnd(mood.script) as far:
            centre = client(far.url, connections=3)
            found = await asyncio.gather(*(centre.ask(call(seconds=1.0)) for _ in range(10)), return_exceptions=True)
            codes = sorted((error.code, error.executed) for error in found if isinstance(error, GatewayError))
            assert codes == [("centre_timeout", "unknown")] * 3 + [("overloaded", "no")] * 7
            assert far.connections == 3
            await centre.close()

    asyncio.run(main())
