"""A caller's own moves as they are stored, in order, from any place on: what `/v1/events` streams.

One look a second serves all streams of an instance, whoever made the moves: it finds out whose notices are new and
wakes their streams, which read for themselves. While there is no stream, nothing is looked at.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from gateway.contract.errors import GatewayError, Overloaded, TooManyRequests
from gateway.database.errors import DatabaseError
from gateway.outbox.notice_rows import Place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from gateway.contract.host import Clock
    from gateway.outbox.notice_rows import Notice
    from gateway.outbox.notifying import Notifying

_log = structlog.get_logger("gateway.feed")

LOOK_EVERY: Final = 1.0
"""Seconds between two looks for what is new."""

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a sign of life is given."""

OF_ONE_CALLER: Final = 5
"""Streams of one caller at once."""

OF_ALL: Final = 1_000
"""Streams of one instance at once."""

LONGEST: Final = 600.0
"""Seconds after which a stream ends: who comes back is asked for its key again."""

READ_AT_ONCE: Final = 100


class Gap(msgspec.Struct, frozen=True):
    """What lies behind the place asked for is not all there any more; it goes on at this place."""

    place: Place


class Silence(msgspec.Struct, frozen=True):
    """Nothing happened for a while."""


class Feed:
    """Streams of notices.

    Args:
        notifying: Where they are.
        clock: The gateway's clock.
        keep: Seconds for which notices are kept.
        heartbeat: Seconds of silence after which a sign of life is given.
        look_every: Seconds between two looks for what is new.
        longest: Seconds after which a stream ends.
    """

    def __init__(
        self,
        notifying: Notifying,
        clock: Clock,
        keep: float,
        *,
        heartbeat: float = HEARTBEAT,
        look_every: float = LOOK_EVERY,
        longest: float = LONGEST,
    ) -> None:
        self._heartbeat = heartbeat
        self._look_every = look_every
        self._longest = longest
        self._notifying = notifying
        self._clock = clock
        self._keep = keep
        self._streams: dict[str, set[asyncio.Event]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._ended = False

    def moved(self, caller: str) -> None:
        """Something of a caller moved here: look at once."""
        for event in self._streams.get(caller, ()):
            event.set()

    def end(self) -> None:
        """End all streams, now and from now on; their callers come back with the last id they saw."""
        self._ended = True
        for events in self._streams.values():
            for event in events:
                event.set()

    def admit(self, caller: str) -> None:
        """Pass, where one more stream of a caller may begin.

        Raises:
            TooManyRequests: It has as many as it may.
            Overloaded: There are too many of all callers, or the gateway is stopping.
        """
        if self._ended:
            raise Overloaded("The gateway is restarting.", retry_after=2.0)
        if len(self._streams.get(caller, ())) >= OF_ONE_CALLER:
            raise TooManyRequests(f"At most {OF_ONE_CALLER} event streams of one caller at a time.", retry_after=30.0)
        if sum(map(len, self._streams.values())) >= OF_ALL:
            raise Overloaded("Too many event streams.", retry_after=30.0)

    async def follow(
        self, caller: str, after: Place | None, seen_at: float
    ) -> AsyncGenerator[Notice | Gap | Silence, None]:
        """What moves of a caller's submissions, until the feed ends, or its time is over.

        Args:
            caller: Its id.
            after: The last place it saw; None for only what is new.
            seen_at: When what it saw there happened, whole Unix seconds.

        Raises:
            TooManyRequests, Overloaded: See `admit`.
        """
        self.admit(caller)
        until = self._clock.monotonic() + self._longest
        with self._woken(caller) as event:
            place = await self._notifying.last()
            if after is not None and await self._is_kept(caller, after, seen_at):
                place = after
            elif after is not None:
                yield Gap(place)
            while not self._ended and self._clock.monotonic() < until:
                event.clear()
                notices = await self._notifying.feed(caller, place, READ_AT_ONCE)
                for notice in notices:
                    yield notice
                    place = notice.place
                if not notices and not await _set_within(event, self._heartbeat):
                    yield Silence()

    async def _is_kept(self, caller: str, place: Place, seen_at: float) -> bool:
        """Whether what a caller saw still stands there: a database that was put back counts anew from less on."""
        if seen_at < self._clock.now() - self._keep:
            return False
        found = await self._notifying.feed(caller, Place(place.epoch, place.seq - 1), 1)
        return bool(found) and found[0].place == place and int(found[0].at) == int(seen_at)

    @contextmanager
    def _woken(self, caller: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there may be something new."""
        event = asyncio.Event()
        self._streams.setdefault(caller, set()).add(event)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield event
        finally:
            self._streams[caller].discard(event)
            if not self._streams[caller]:
                del self._streams[caller]
            if not self._streams and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        """Find out whose notices are new, as long as anybody waits for any."""
        place: Place | None = None
        while not self._ended:
            try:
                if place is None:
                    place = await self._notifying.last()
                place, callers = await self._notifying.callers(place)
            except (GatewayError, DatabaseError) as error:
                _log.warning("feed.look.failed", code=getattr(error, "code", "internal"))
                callers = frozenset()
            for caller in callers:
                self.moved(caller)
            await asyncio.sleep(self._look_every)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
