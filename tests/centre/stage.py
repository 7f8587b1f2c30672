"""What the tests of the links stand on: virtual time, a scripted far end, and calls of synthetic people."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.contract.messages import Answer, Call, CentreService, Freshness, Priority, Question, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

T = TypeVar("T")

EPOCH = 1_800_000_000.0
"""Unix seconds at which the virtual clock starts (2027-01-15 08:00 UTC)."""

NIK = "3527010101900001"
"""A synthetic NIK."""


class _Jump(selectors.DefaultSelector):
    """A selector that moves the clock instead of waiting when there is nothing to do but wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the virtual loop would wait for ever")
        if not ready and timeout is not None:
            self.seconds += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes at once."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jump.seconds


class LoopClock:
    """The gateway's clock on the running loop's time; `shift` sets the wall clock."""

    def __init__(self) -> None:
        self.shift = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return EPOCH + self.shift + self.monotonic()

    def monotonic(self) -> float:
        """Loop seconds; 0 outside a loop."""
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0


class ManualClock:
    """A clock that moves only when told, for tests whose loop is the real one."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        """Unix seconds."""
        return EPOCH + self.seconds

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self.seconds


def virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def left_over() -> int:
    """Tasks that are still there, the running one not counted."""
    return len(asyncio.all_tasks()) - 1


def reply(raw: bytes = b"{}", **fields: Any) -> Reply:
    """Something the centre said."""
    return Reply(service=CentreService.BIODATA, raw=raw, **fields)


def a_call(
    subject: str = NIK,
    *,
    right: str = "dinas",
    service: CentreService = CentreService.BIODATA,
    caller: str = "desk",
    village: str = "3527012003",
    priority: Priority = Priority.COUNTER,
    deadline: float = 10.0,
    freshness: Freshness | None = None,
    question: Question | None = None,
) -> Call:
    """A call of a synthetic desk."""
    return Call(
        question=question or Question(service=service, subject=subject),
        right=right,
        caller=caller,
        village=village,
        adapter="native",
        priority=priority,
        deadline=deadline,
        request_id="r-1",
        freshness=freshness or Freshness(),
    )


class FarEnd:
    """The last link: counts its calls and does as told.

    Args:
        clock: Dates the answers.
        act: What a call does; raising and waiting included. Returns the reply.
    """

    def __init__(self, clock: LoopClock | ManualClock, act: Callable[[Call], Awaitable[Reply]] | None = None) -> None:
        self.clock = clock
        self.act = act
        self.calls: list[Call] = []
        self.running = 0
        self.most = 0

    async def ask(self, call: Call) -> Answer:
        """Answer as told, with the time of the clock."""
        self.calls.append(call)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            said = reply(f'{{"n":{len(self.calls)}}}'.encode()) if self.act is None else await self.act(call)
        finally:
            self.running -= 1
        return Answer(reply=said, as_of=self.clock.now(), source="centre", age_seconds=0.0)


def raises(error: Exception) -> Callable[[Call], Awaitable[Reply]]:
    """An act that always fails."""

    async def act(_call: Call) -> Reply:
        raise error

    return act


def takes(seconds: float) -> Callable[[Call], Awaitable[Reply]]:
    """An act that answers after a while."""

    async def act(_call: Call) -> Reply:
        await asyncio.sleep(seconds)
        return reply()

    return act
