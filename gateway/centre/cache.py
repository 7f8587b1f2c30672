"""The link that remembers what the centre said.

Fresh answers cost nothing, stale ones are refreshed behind the asker's back, and while the centre is away the last
known answer stands in, with its age.

```
memory ─► disk ─► judge ─► serve
                       ├─► serve, refresh in the background
                       └─► ask; on a centre that cannot answer: the last known answer
```

With a last known answer in hand nobody waits longer than `patience`, and the centre's deadline ends a little before
the asker's, so that the answer is there in time. Remembered is also "not found" and "malformed number", both briefly.
"""

from __future__ import annotations

import asyncio
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from gateway.centre.cache_key import HALF
from gateway.centre.cache_memory import CacheMemory
from gateway.centre.cache_policy import CachePolicy, Entry, Use
from gateway.centre.forgotten import Forgotten
from gateway.centre.link import renewed
from gateway.centre.write_behind import WriteBehind
from gateway.contract.errors import (
    CentreMisanswered,
    CentreRefusedUs,
    CentreTimeout,
    CentreUnavailable,
    CentreUnreachable,
    GatewayError,
    Invalid,
    Maintenance,
    OutsideHours,
    Overloaded,
    QuotaExhausted,
)
from gateway.contract.messages import Answer, Freshness, Priority

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gateway.centre.cache_key import CacheKeys
    from gateway.centre.cache_store import CacheStore
    from gateway.centre.link import Link
    from gateway.contract.host import Clock
    from gateway.contract.messages import Call
    from gateway.settings.centre import CacheSettings

log = structlog.get_logger()

AWAY = (
    CentreUnreachable,
    CentreUnavailable,
    CentreTimeout,
    Maintenance,
    CentreMisanswered,
    Overloaded,
    OutsideHours,
    QuotaExhausted,
    CentreRefusedUs,
)
"""Errors for which the last known answer stands in."""

MARGIN = 0.05
"""Seconds kept back from the centre's deadline to hand out the last known answer."""

DISK_PATIENCE = 0.25
"""Seconds a look on disk may keep a question from the centre."""

TOUCH_LINGER = 2.0
"""Seconds that notes of entries read from disk are gathered."""

REST = 2.0
"""Seconds after a failed refresh before the same answer is refreshed again."""

MEGABYTE = 1_048_576


class Cache:
    """The outermost link.

    Args:
        inner: Next link.
        settings: Lifetimes and bounds.
        keys: Makes keys.
        store: Where answers outlive the process; None keeps them in memory only.
        clock: The gateway's clock.
        refresh_deadline: Seconds a background refresh may take.
    """

    def __init__(
        self,
        inner: Link,
        settings: CacheSettings,
        *,
        keys: CacheKeys,
        store: CacheStore | None,
        clock: Clock,
        refresh_deadline: float = 10.0,
    ) -> None:
        self._inner = inner
        self._settings = settings
        self._policy = CachePolicy(settings)
        self._keys = keys
        self._store = store
        self._clock = clock
        self._refresh_deadline = refresh_deadline
        self._memory = CacheMemory(settings.memory_entries, settings.memory_megabytes * MEGABYTE)
        self._behind: WriteBehind[bytes, Entry] = WriteBehind(
            self._save, name="cache", weigh=_weigh, most_weight=settings.memory_megabytes * MEGABYTE // 4
        )
        self._touched: WriteBehind[bytes, None] = WriteBehind(self._touch, name="cache_use", linger=TOUCH_LINGER)
        self._loads: dict[bytes, asyncio.Task[Entry | None]] = {}
        self._refreshes: dict[bytes, asyncio.Task[None]] = {}
        self._lone: dict[bytes, asyncio.Task[Answer]] = {}
        self._resting: dict[bytes, float] = {}
        self._forgotten = Forgotten()
        self._noted: int | None = None

    async def open(self) -> None:
        """Open the store; a broken one is made anew."""
        if self._store is not None:
            await self._store.open()

    async def close(self) -> None:
        """Stop refreshing, write what waits, release the store."""
        tasks = (*self._refreshes.values(), *self._loads.values(), *self._lone.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._behind.close()
        await self._touched.close()
        if self._store is not None:
            await self._store.close()

    async def flush(self) -> None:
        """Write what waits to the store."""
        await self._behind.flush()
        await self._touched.flush()

    async def ask(self, call: Call) -> Answer:
        """A remembered answer or the centre's.

        Raises:
            GatewayError: What the links below say, when nothing remembered may stand in.
        """
        key = self._keys.of(call)
        entry = self._memory.get(key)
        if entry is None and self._store is not None:
            entry = self._behind.pending(key)
            if entry is None and self._store.may_have(key):
                return await self._ask_disk(key, call, self._look(key, self._store))
        if entry is None:
            return await self._ask_centre(key, call, "fwd=uri-miss")
        now = self._clock.now()
        use = self._policy.use(entry, now, call.freshness)
        if use is Use.SERVE:
            return self._serve(entry, now)
        return await self._use(key, call, entry, use, now)

    async def forget(self, subjects: Iterable[str]) -> None:
        """Drop all that is known about some NIKs or KK numbers, also what is on its way.

        Until their rows are gone from disk nothing of them is read there, remembered, or stands in.

        Raises:
            StorageUnavailable: The rows could not be deleted; forget them again, for a restart would bring them back.
        """
        await self.forget_marks({self.mark(digits) for digits in subjects})

    def mark(self, digits: str) -> bytes:
        """What stands for a NIK or KK number where it must not be stored; the same in all instances."""
        return self._keys.subject(digits)

    async def forget_marks(self, halves: Collection[bytes], upto: int | None = None) -> None:
        """As `forget`, errors too, by marks; `upto` is kept beside the answers, and is `noted` from then on."""
        self._forgotten.begin(halves, self._clock.monotonic())
        for half in halves:
            self._memory.forget(half)
        self._behind.withdraw(lambda key: key[:HALF] in halves)
        if self._store is not None:
            await self._store.forget(halves, upto)
        self._forgotten.end(halves, self._clock.monotonic())
        self._noted = self._noted if upto is None else upto

    async def forget_all(self, upto: int) -> None:
        """Drop everything that is known; errors as of `forget`, `upto` as of `forget_marks`."""
        self._forgotten.begin_all()
        self._memory.clear()
        self._behind.withdraw(lambda _key: True)
        if self._store is not None:
            await self._store.forget_all(upto)
        self._forgotten.end_all(self._clock.monotonic())
        self._noted = upto

    async def noted(self) -> int | None:
        """Up to where the news were followed, None if never; raises `StorageUnavailable` if it cannot be read."""
        if self._noted is None and self._store is not None:
            self._noted = await self._store.noted()
        return self._noted

    async def _use(self, key: bytes, call: Call, entry: Entry, use: Use, now: float) -> Answer:
        if use is Use.ASK:
            return await self._ask_beside(key, call, entry, now)
        if use is Use.SERVE_AND_REFRESH:
            self._refresh(key, call)
        return self._serve(entry, now)

    def _serve(self, entry: Entry, now: float, status: str = "hit") -> Answer:
        """An answer from an entry.

        Raises:
            Invalid: The entry is a remembered refusal of the number.
        """
        if entry.reply is None:
            raise Invalid(faults=entry.faults, said=entry.said)
        age = self._policy.age(entry, now)
        left = self._policy.lifetime(entry) - age
        return Answer(
            reply=entry.reply,
            as_of=entry.as_of,
            source="cache",
            age_seconds=age,
            stale=left <= 0.0,
            cache_status=f"{status}; ttl={int(left)}",
        )

    async def _ask_beside(self, key: bytes, call: Call, entry: Entry, now: float) -> Answer:
        """Ask the centre with an entry in hand that may stand in."""
        reason = "fwd=request" if call.freshness.no_cache else "fwd=stale"
        began = self._clock.monotonic()
        if not self._policy.last_known(entry, now, call.freshness):
            return await self._ask_centre(key, call, reason)
        try:
            answer = await self._within_patience(key, replace(call, deadline=call.deadline - MARGIN), reason)
        except AWAY as error:
            if self._forgotten.since(key, began):
                raise
            return self._stand_in(entry, call, error, reason)
        if answer is None and self._forgotten.since(key, began):
            return await self._ask_centre(key, call, reason)
        return answer or self._serve(entry, self._clock.now(), f"{reason}; detail=patience")

    async def _within_patience(self, key: bytes, call: Call, reason: str) -> Answer | None:
        """What the centre says, or None if that takes longer than somebody with an answer at hand should wait.

        The question goes on alone, as long as a refresh may take: its outcome is remembered, and tells breaker and
        limiter how the centre is. Else askers in a hurry would never have anything newer.
        """
        if call.freshness.no_cache or not self._settings.refreshes:
            return await self._ask_centre(key, call, reason)
        lone = self._lone.get(key)
        if lone is None:
            if len(self._lone) >= self._settings.refreshes:
                return None
            until = max(call.deadline, self._clock.monotonic() + self._refresh_deadline)
            alone = self._ask_centre(key, replace(call, deadline=until), reason)
            lone = self._lone[key] = asyncio.get_running_loop().create_task(alone)
            lone.add_done_callback(partial(self._ended, key))
        patience = min(self._settings.patience, max(0.0, call.deadline - self._clock.monotonic()))
        await asyncio.wait((lone,), timeout=patience)
        if not lone.done() or lone.cancelled():
            return None
        error = lone.exception()
        if isinstance(error, Exception):
            raise renewed(error)
        return lone.result()

    def _ended(self, key: bytes, lone: asyncio.Task[Answer]) -> None:
        """A question that went on alone is over; an error nobody waited for any more was logged where it arose."""
        del self._lone[key]
        if not lone.cancelled():
            lone.exception()

    async def _ask_disk(self, key: bytes, call: Call, look: asyncio.Task[Entry | None]) -> Answer:
        """Look on disk, but not for long; if that takes its time, ask the centre meanwhile."""
        began = self._clock.monotonic()
        entry = await self._found(look, call, DISK_PATIENCE)
        if entry is not None:
            now = self._clock.now()
            return await self._use(key, call, entry, self._policy.use(entry, now, call.freshness), now)
        if look.done():
            return await self._ask_centre(key, call, "fwd=uri-miss")
        try:
            return await self._ask_centre(key, replace(call, deadline=call.deadline - 2 * MARGIN), "fwd=uri-miss")
        except AWAY as error:
            entry = await self._found(look, call, inf)
            if entry is None or self._forgotten.since(key, began):
                raise
            return self._stand_in(entry, call, error, "fwd=stale")

    def _stand_in(self, entry: Entry, call: Call, error: GatewayError, reason: str) -> Answer:
        """The last known answer in place of an error.

        Raises:
            GatewayError: The error, if the entry is too old by now or the asker takes nothing old.
        """
        now = self._clock.now()
        if not self._policy.last_known(entry, now, call.freshness):
            raise error
        log.info("centre.cache.stood_in", service=call.question.service, request_id=call.request_id, error=error.code)
        return self._serve(entry, now, f"{reason}; fwd-status={error.status}; detail={error.code}")

    async def _ask_centre(self, key: bytes, call: Call, reason: str) -> Answer:
        began = self._clock.monotonic()
        try:
            answer = await self._inner.ask(call)
        except Invalid as error:
            self._remember(key, Entry(self._clock.now(), None, error.faults, error.said), began)
            raise
        stored = self._remember(key, Entry(answer.as_of, answer.reply), began)
        return replace(answer, cache_status=f"{reason}; stored" if stored else reason)

    def _remember(self, key: bytes, entry: Entry, began: float) -> bool:
        """Keep what the centre said, unless its subject was forgotten meanwhile."""
        if self._forgotten.since(key, began):
            return False
        known = self._memory.get(key) or self._behind.pending(key)
        if known is None or self._policy.replaces(entry, known, self._clock.now()):
            self._memory.put(key, entry)
            if self._store is not None:
                self._behind.put(key, entry)
        return True

    async def _save(self, batch: dict[bytes, Entry]) -> None:
        if self._store is not None:
            await self._store.put(batch)

    async def _touch(self, batch: dict[bytes, None]) -> None:
        if self._store is not None:
            await self._store.touch(batch)

    def _look(self, key: bytes, store: CacheStore) -> asyncio.Task[Entry | None]:
        """A look on disk, shared by whoever looks for the same."""
        look = self._loads.get(key)
        if look is None:
            look = self._loads[key] = asyncio.get_running_loop().create_task(self._load(key, store))
            look.add_done_callback(lambda _done: self._loads.pop(key, None))
        return look

    async def _found(self, look: asyncio.Task[Entry | None], call: Call, patience: float) -> Entry | None:
        """What a look finds within some patience and before the asker's deadline."""
        left = max(0.0, call.deadline - self._clock.monotonic() - MARGIN)
        await asyncio.wait((look,), timeout=min(patience, left))
        return look.result() if look.done() and not look.cancelled() else None

    async def _load(self, key: bytes, store: CacheStore) -> Entry | None:
        began = self._clock.monotonic()
        entry = await store.get(key)
        if entry is None or self._forgotten.since(key, began):
            return None
        newer = self._memory.get(key) or self._behind.pending(key)
        if newer is not None:
            return newer
        self._memory.put(key, entry)
        self._touched.put(key, None)
        return entry

    def _refresh(self, key: bytes, call: Call) -> None:
        """Ask again behind the asker's back, at most so many at once and once per key."""
        now = self._clock.monotonic()
        if key in self._refreshes or len(self._refreshes) >= self._settings.refreshes:
            return
        if self._resting.get(key, now) > now:
            return
        quiet = replace(
            call,
            priority=Priority.BACKGROUND,
            deadline=now + self._refresh_deadline,
            freshness=Freshness(no_cache=True),
        )
        task = asyncio.get_running_loop().create_task(self._refreshed(key, quiet))
        self._refreshes[key] = task
        task.add_done_callback(lambda _done: self._refreshes.pop(key, None))

    async def _refreshed(self, key: bytes, call: Call) -> None:
        try:
            await self._ask_centre(key, call, "fwd=stale")
        except GatewayError as error:
            log.info("centre.cache.not_refreshed", service=call.question.service, error=error.code)
            self._rest(key)
        else:
            self._resting.pop(key, None)

    def _rest(self, key: bytes) -> None:
        if len(self._resting) >= self._settings.memory_entries:
            self._resting.clear()
        self._resting[key] = self._clock.monotonic() + REST


def _weigh(entry: Entry) -> int:
    return entry.weight
