"""Writes what waits, page after page, along one chain.

```
hand_over ─► waiting ─┐                          ┌─► durable: all of them go on
leave     ─► waiting ─┴─► [ page ► signed end ] ─┤
                             one at a time       └─► refused: nobody goes on; what nobody waits for is written later
```

The next page waits a little for company: until everybody is there who shared the last one or waits already, for those
who were answered come back with their next question. A page that few shared is followed at once.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from gateway.database import StorageFailed, StorageFault
from gateway.ledger.exchange import Started
from gateway.ledger.lines import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.host import Clock
    from gateway.ledger.exchange import Waited, Waiting
    from gateway.ledger.lines import Page, Tip
    from gateway.ledger.stores import Store

ENDED_WITHIN: Final = 0.25
"""Seconds an end nobody waits for stays without company before it is written by itself."""

AGAIN_AFTER: Final = 1.0
"""Seconds after which a refused end is tried again."""

MOST_IN_PAGE: Final = 512
"""Records made durable together, at most."""

BUSY: Final = 8
"""Records in a page from which on the next one waits for company."""

GATHER: Final = 0.003
"""Seconds it waits at most."""

_NEVER: Final = sys.maxsize
_log = structlog.get_logger("gateway.ledger")


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A page of which nobody knows whether it was written.

    Attributes:
        tip: Where the chain stands if it was.
        taken: What is in it.
    """

    tip: Tip
    taken: list[Waiting]


class Writer:
    """The one writer of a chain.

    Args:
        make_store: Makes where pages go, given what to call when somebody else changed the chain.
        clock: The gateway's clock.
        tip: Where the chain stands.

    Attributes:
        waiting: What is to be written, in order.
        refuses: Nothing may be handed over: it is broken, or closed.
        broken: The chain does not end where this gateway left it: nothing is written any more.
        closed: What waits is written, then no more.
        store: Where pages go.
        tip: Where the chain stands.
        turn: Held while a page is written, or the chain must not move.
    """

    def __init__(self, make_store: Callable[[Callable[[], None]], Store], clock: Clock, tip: Tip) -> None:
        self.waiting: list[Waiting] = []
        self.refuses = self.broken = self.closed = False
        self.store = make_store(self._break)
        self.tip = tip
        self.turn = asyncio.Lock()
        self._clock = clock
        self._uncertain: Uncertain | None = None
        self._loop = asyncio.get_running_loop()
        self._new_future = self._loop.create_future
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._company: asyncio.Future[None] | None = None
        self._enough = 1  # as many waiting, and something is done about it

    @property
    def is_certain(self) -> bool:
        """Whether the chain is known to stand at `tip`."""
        return self._uncertain is None and not self.broken

    def hand_over(self, one: Waited) -> asyncio.Future[None]:
        """Have something written at the next turn; what is given settles once it is durable, or refused."""
        one.durable = durable = self._new_future()
        waiting = self.waiting
        waiting.append(one)
        if len(waiting) >= self._enough:
            self._go_on()
        return durable

    def leave(self, one: Waiting) -> None:
        """Have something written soon; nobody waits for it."""
        self.waiting.append(one)
        if self._task is None and self._timer is None:
            self._timer = self._loop.call_later(ENDED_WITHIN, self._start)

    async def finish(self) -> None:
        """Write all that waits, unless it is refused."""
        self._stop_timer()
        if self._task is not None:
            await self._task
        self._enough = _NEVER
        await self._write_on(everything=True)
        self._stop_timer()

    def close(self) -> None:
        """Take nothing any more."""
        self.refuses = self.closed = True

    def _break(self) -> None:
        self.refuses = self.broken = True

    def _go_on(self) -> None:
        if self._company is None:
            self._start()
        elif not self._company.done():
            self._company.set_result(None)

    def _start(self) -> None:
        self._stop_timer()
        if self._task is None:
            self._enough = _NEVER
            self._task = self._loop.create_task(self._run())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _run(self) -> None:
        wait = AGAIN_AFTER
        try:
            if await self._write_on():
                wait = ENDED_WITHIN
        finally:
            self._task, self._enough = None, 1
            if self.waiting:
                self._timer = self._loop.call_later(wait, self._start)

    async def _write_on(self, *, everything: bool = False) -> bool:
        """Write pages until nobody waits (or nothing at all is left), or one is refused; whether none was."""
        while self.waiting:
            async with self.turn:
                taken, self.waiting = self.waiting[:MOST_IN_PAGE], self.waiting[MOST_IN_PAGE:]
                if not await self._write(taken):
                    return False
            if everything:
                continue
            if len(taken) >= BUSY:
                await self._gather(min(len(taken) + len(self.waiting), MOST_IN_PAGE))
            if not any(one.durable is not None for one in self.waiting):
                break
        return True

    async def _gather(self, enough: int) -> None:
        """Wait until so many are waiting, but not for long."""
        if len(self.waiting) >= enough:
            return
        self._company = company = self._new_future()
        self._enough = enough
        timer = self._loop.call_later(GATHER, self._go_on)
        try:
            await company
        finally:
            timer.cancel()
            self._company, self._enough = None, _NEVER

    async def _write(self, taken: list[Waiting]) -> bool:
        """Write a page of them; whether that went well. Whoever waits is told, what nobody waits for waits again."""
        new: Page | None = None
        try:
            await self._make_certain()
            new = page(self.tip, self._encoded(taken))
            if new.tip.seq > new.before.seq:
                await self.store.append(new, round(self._clock.now() * 1000))
        except Exception as error:  # noqa: BLE001 # whoever waits is told, whatever it was
            self._refuse(taken, new, error)
            return False
        self.tip = new.tip
        for one in taken:
            durable = one.durable
            if durable is not None and not durable.done():
                durable.set_result(None)
        return True

    def _encoded(self, taken: list[Waiting]) -> list[bytes]:
        """Their records, in order; without the ends of what was never written."""
        seq, records = self.tip.seq + 1, []
        for one in taken:
            record = one.encoded(seq)
            if record is not None:
                records.append(record)
                seq += 1
        return records

    async def _make_certain(self) -> None:
        """After a page nobody knows the fate of: see where the chain stands; what was not written is put back.

        Raises:
            StorageFailed: It cannot be seen, or it stands where this gateway never left it.
        """
        if self.broken:
            raise StorageFailed(StorageFault.CORRUPT)
        uncertain = self._uncertain
        if uncertain is None:
            return
        found = await self.store.find_tip(self.tip.chain)
        if found is None or found not in (self.tip, uncertain.tip):
            raise StorageFailed(StorageFault.CORRUPT)
        if found == self.tip:
            self._put_back(uncertain.taken)
        self.tip, self._uncertain = found, None

    def _refuse(self, taken: list[Waiting], new: Page | None, error: Exception) -> None:
        """Tell whoever waits that a page was not written, or that nobody knows."""
        fault = error.fault if isinstance(error, StorageFailed) else StorageFault.GONE
        if fault is StorageFault.CORRUPT:
            self._break()
        _log.error("ledger.page.failed", records=len(taken), error=type(error).__name__, fault=fault)
        for one in taken:
            durable = one.durable
            if durable is not None and not durable.done():
                durable.set_exception(StorageFailed(fault))
                durable.exception()  # who left does not hear of it
        if new is not None and getattr(error, "executed", "no") == "unknown":
            self._uncertain = Uncertain(new.tip, taken)
        else:
            self._put_back(taken)

    def _put_back(self, taken: list[Waiting]) -> None:
        """What was not written and nobody waits for is written later; the rest never was."""
        for one in taken:
            if isinstance(one, Started):
                one.beginning.seq = None
        if not self.broken:
            self.waiting[:0] = [one for one in taken if one.durable is None]
