"""The story: a normal day, a slow centre, a month without it, and its return.

```
chapter         centre                      what must be seen
normal day      up, 8 workers               every question answered; fifty who ask the same cause one call
slow day        up, but slow and overloaded those it can serve in time are answered, the rest told at once
a month away    accepts nothing             who was known is still answered, with the age; who was not is told why
it is back      up                          fresh answers within seconds, without a restart
```

In every chapter but the last a desk hands in, each time twice, as one does that did not see the answer. All is
accepted; at the end the centre's ledger must hold each of them with exactly one effect.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.centre.client import outbound
from gateway.centre.transport import Limits as OutboundLimits
from gateway.demo.clock import StoryClock
from gateway.demo.counter import Counter, Tally, some
from gateway.demo.desk import Desk, reconcile
from gateway.mock_siak import MockSettings, MockSiak, parse_behaviour
from gateway.mock_siak.accounts import demo_password
from gateway.settings.loading import loads
from gateway.wiring.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DAY = 86_400.0
MONTH_DAYS = 30
STEPS = 10
"""Steps in which a chapter's questions are asked."""
PATIENCE = 30.0
"""Seconds the story waits for the centre's return to be seen; the promise is 5."""
DRAIN_WITHIN = 40.0
"""Seconds the story waits until all that was handed in is at the centre."""
_PATH = "35-27/dukcapil_sampang_3527"
_CONFIG = f"""
[server]
port = 0
operator_port = 0
[outbox]
deadline = 2.0
margin = 2.0
[centre.cache]
stale_if_error = {40 * DAY:.0f}
[rights.sampang]
title = "Dinas Dukcapil Sampang"
user_id = "dukcapil_sampang"
fields = "all"
purposes = ["pelayanan"]
services = {{ biodata = "{_PATH}/CALL_NIK" }}
submissions = ["ktp"]
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the story is told.

    Attributes:
        known: Residents looked up on the normal day.
        strangers: Residents first asked for on the slow day.
        day: Real seconds in which a day of the outage passes.
        pause: Seconds between the last questions, once the centre is back.
        deadline: Seconds a citizen waits.
        handed_in: Hand-ins of each chapter; the month away has twice as many a day.
    """

    known: int = 300
    strangers: int = 400
    handed_in: int = 40
    day: float = 0.5
    pause: float = 0.5
    deadline: float = 3.0


FULL = Scale()
"""As `make demo` tells it: about a minute."""


@dataclass(frozen=True, slots=True)
class Told:
    """The outcome.

    Attributes:
        chapters: Name and tally of each chapter.
        recovery: Seconds from the centre's return to the first fresh answer.
        drained: Seconds from there until all that was handed in was delivered.
    """

    chapters: tuple[tuple[str, Tally], ...]
    recovery: float
    drained: float = 0.0

    @property
    def doubled(self) -> int:
        """What the centre did beyond once."""
        return sum(tally.doubled for _name, tally in self.chapters)

    @property
    def lost(self) -> int:
        """Questions without an answer and without a typed refusal, and hand-ins that the centre does not have."""
        return sum(tally.lost + tally.undelivered for _name, tally in self.chapters)


class Story:
    """Tells the story with real parts.

    Args:
        say: Prints a line.
        progress: Prints over the last line: text and share done.
        scale: How large it is told.
    """

    def __init__(self, say: Callable[[str], None], progress: Callable[[str, float], None], scale: Scale = FULL) -> None:
        self._say = say
        self._scale = scale
        self._progress = progress
        self._clock = StoryClock()

    async def tell(self) -> Told:
        """Run all chapters; everything it starts is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="siak-demo-") as folder:
            mock = MockSiak(MockSettings(population=5_000))
            addresses = await mock.start()
            try:
                return await self._with_gateway(mock, addresses.url, Path(folder))
            finally:
                await mock.stop()

    async def _with_gateway(self, mock: MockSiak, centre: str, folder: Path) -> Told:
        environ = {
            "SIAK_GATEWAY_VAR": str(folder),
            "SIAK_GATEWAY_CENTRE_URL": centre,
            "SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD": demo_password(1, "dukcapil_sampang"),
        }
        settings = loads(_CONFIG, None, environ)
        gateway = await Gateway.open(settings, environ, self._clock, random.Random(1))  # jitter only
        try:
            _caller, key = await gateway.callers.add("loket", right="sampang", may_skip_cache=True)
            urls = await gateway.listen()
            limits = OutboundLimits(64, 2.0, 30.0, 1_000_000, 30.0)
            async with outbound(limits) as client:
                client.base_url = urls["gateway"]
                self._desk = Desk(client, key)
                return await self._chapters(mock, Counter(client, key, self._scale.deadline))
        finally:
            await gateway.close()

    async def _chapters(self, mock: MockSiak, counter: Counter) -> Told:
        everybody = mock.population.active()
        known, strangers = everybody[: self._scale.known], everybody[self._scale.known :]
        met = self._scale.strangers
        normal = await self._normal_day(mock, counter, known)
        slow = await self._slow_day(mock, counter, known, strangers[:met])
        away = await self._month_away(mock, counter, known, strangers[met:])
        back, recovery = await self._back(mock, counter, known, strangers[met + 2 * MONTH_DAYS :])
        chapters = (("normal day", normal), ("slow day", slow), ("a month away", away), ("it is back", back))
        drained = await self._drained(mock, [tally for _name, tally in chapters])
        return Told(chapters, recovery, drained)

    async def _normal_day(self, mock: MockSiak, counter: Counter, known: list[str]) -> Tally:
        self._say("\n1. A normal day. The village looks people up and hands in; the centre answers.")
        await _behave(mock, {"mode": "up", "workers": 8, "mean_seconds": 0.02})
        tally = Tally()
        before = _arrived(mock)
        await counter.ask_all([known[0]] * 50, tally, at_once=50)
        tally.doubled = _arrived(mock) - before - 1
        self._say(
            f"   Fifty desks asked for the same person at once; the centre was asked {tally.doubled + 1} time(s)."
        )
        await self._desk.hand_in_all(known[: self._scale.handed_in], tally)
        await self._in_steps("normal day", counter, known[1:], tally)
        self._tell(tally)
        return tally

    async def _slow_day(self, mock: MockSiak, counter: Counter, known: list[str], new: list[str]) -> Tally:
        self._say("\n2. A slow day. The centre needs fifteen times as long for a call; everybody asks anyway.")
        await _behave(mock, {"mode": "up", "workers": 6, "mean_seconds": 0.3, "thrashing": 0.02})
        tally = Tally()
        mixed = [nik for pair in zip(some(known, len(new), 2), new, strict=True) for nik in pair]
        handing_in = asyncio.create_task(self._desk.hand_in_all(known[: self._scale.handed_in], tally))
        await self._in_steps("slow day", counter, mixed, tally, at_once=48)
        await handing_in
        self._tell(tally)
        return tally

    async def _month_away(self, mock: MockSiak, counter: Counter, known: list[str], new: list[str]) -> Tally:
        self._say(f"\n3. The centre is away for {MONTH_DAYS} days (a day passes in {self._scale.day:g} s here).")
        await _behave(mock, {"mode": "hang"})
        self._clock.run_at(DAY / self._scale.day)
        tally = Tally()
        days: list[asyncio.Task[None]] = []
        started = time.monotonic()
        for day in range(MONTH_DAYS):
            niks = [*some(known, 20, day), *new[day * 2 : day * 2 + 2]]
            days.append(asyncio.create_task(counter.ask_all(niks, tally, at_once=22)))
            days.append(asyncio.create_task(self._desk.hand_in_all(some(known, 2, -day), tally)))
            self._progress(f"day {day + 1} of {MONTH_DAYS}", (day + 1) / MONTH_DAYS)
            await asyncio.sleep(max(0.0, started + (day + 1) * self._scale.day - time.monotonic()))
        self._clock.run_at(1.0)
        await asyncio.gather(*days)  # a day does not wait for those who wait
        self._tell(tally)
        return tally

    async def _back(self, mock: MockSiak, counter: Counter, known: list[str], new: list[str]) -> tuple[Tally, float]:
        self._say("\n4. The centre is back. Nobody restarts anything.")
        await _behave(mock, {"mode": "up", "workers": 8, "mean_seconds": 0.02})
        tally = Tally()
        started = time.monotonic()
        fresh = iter(new)
        while not tally.fresh and time.monotonic() - started < PATIENCE:  # long past the promise of 5 s
            await counter.ask(next(fresh), tally)
            await asyncio.sleep(0.1)
        recovery = time.monotonic() - started
        self._say(f"   First fresh answer after {recovery:.1f} s.")
        await self._in_steps("it is back", counter, some(known, 200, 4), tally, pause=self._scale.pause)
        self._tell(tally)
        return tally, recovery

    async def _drained(self, mock: MockSiak, tallies: list[Tally]) -> float:
        """Wait until the centre has everything, then hold the receipts against its ledger; how long it took."""
        started = time.monotonic()
        wanted = {id_ for tally in tallies for ids in tally.receipts.values() for id_ in ids}
        while True:
            entries = mock.book.ledger()["entries"]
            missing = len(wanted - {entry["reference"] for entry in entries})
            if not missing or time.monotonic() - started > DRAIN_WITHIN:
                break
            self._progress("delivering", 1.0 - missing / len(wanted))
            await asyncio.sleep(0.2)
        drained = time.monotonic() - started
        reconcile(tallies, entries)
        self._say(f"   {len(wanted) - missing} of {len(wanted)} hand-ins are at the centre, {drained:.1f} s later.")
        return drained

    async def _in_steps(
        self, name: str, counter: Counter, niks: list[str], tally: Tally, *, at_once: int = 8, pause: float = 0.0
    ) -> None:
        size = max(1, -(-len(niks) // STEPS))
        for start in range(0, len(niks), size):
            await asyncio.sleep(pause)
            await counter.ask_all(niks[start : start + size], tally, at_once=at_once)
            self._progress(name, min(1.0, (start + size) / len(niks)))

    def _tell(self, tally: Tally) -> None:
        age = f", the oldest {_age(tally.oldest)} old" if tally.remembered else ""
        self._say(
            f"   {tally.asked} asked: {tally.fresh} answered by the centre, "
            f"{tally.remembered} from what is known{age}, {tally.refused} told why not{_codes(tally.codes)}."
        )
        if tally.queued:
            self._say(f"   {tally.queued} handed in, each twice: {tally.queued} accepted and kept.")
        waits = sorted(tally.waits)
        if waits:
            self._say(f"   Half were done within {waits[len(waits) // 2] * 1000:.0f} ms, all within {waits[-1]:.2f} s.")


async def _behave(mock: MockSiak, document: Mapping[str, object]) -> None:
    await mock.set_behaviour(parse_behaviour(dict(document)))


def _arrived(mock: MockSiak) -> int:
    return mock.stats.asked()


def _age(seconds: float) -> str:
    return f"{seconds / DAY:.0f} days" if seconds >= DAY else f"{seconds:.0f} s"


def _codes(codes: dict[str, int]) -> str:
    return " (" + ", ".join(f"{code} {count}" for code, count in sorted(codes.items())) + ")" if codes else ""
