"""The mock centre as a whole: its two ports, its register, its behaviour over time, its state.

```
settings ─► population, accounts ─► desks ─► centre ─► listener (own port)
                                     ▲  ▲      ▲
state file ◄─► quota book ───────────┘  │      └── behaviour ◄── control port, schedule
database ◄─► book ◄─► office ───────────┘
```
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from gateway.mock_siak.accounts import Directory, load_accounts
from gateway.mock_siak.answering import Desk
from gateway.mock_siak.authority import authority_of
from gateway.mock_siak.behaviour import Mode
from gateway.mock_siak.book import Book
from gateway.mock_siak.calendar import Calendar, zone
from gateway.mock_siak.capacity import Capacity
from gateway.mock_siak.centre import Centre
from gateway.mock_siak.connection import Connection
from gateway.mock_siak.control import Control
from gateway.mock_siak.demo_accounts import demo_accounts
from gateway.mock_siak.listener import Listener
from gateway.mock_siak.office import Office
from gateway.mock_siak.packets import PacketKey
from gateway.mock_siak.papers import Papers
from gateway.mock_siak.population import Population
from gateway.mock_siak.quota import QuotaBook
from gateway.mock_siak.settings import Addresses
from gateway.mock_siak.state import StateFile, Stored
from gateway.mock_siak.stats import Stats
from gateway.mock_siak.writing import WriteDesk

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.mock_siak.accounts import Account
    from gateway.mock_siak.behaviour import Behaviour
    from gateway.mock_siak.settings import MockSettings

_SAVE_AFTER = 0.05
_log = structlog.get_logger()


class MockSiak:
    """One mock centre in this process; `start` and `stop` it on a running loop."""

    def __init__(self, settings: MockSettings) -> None:
        """Build register and accounts; nothing is opened yet.

        Raises:
            AccountsError: The accounts file cannot be used.
            StateError: The state file cannot be used.
            ValueError: Unknown time zone.
        """
        self.settings = settings
        self.population = Population(settings.population, settings.seed)
        self.directory = Directory(_accounts(settings))
        calendar = Calendar(zone(settings.time_zone), settings.clock)
        self.quota = QuotaBook(calendar, self._changed)
        rng = random.Random(settings.seed)
        self._capacity = Capacity(settings.behaviour, rng)
        self.book = Book(settings.state, f"{settings.population} residents of seed {settings.seed}")
        self.office = Office(self.book, self.population, settings.seed, settings.clock)
        desk = Desk(self.population, self.directory, self.quota, calendar, self.office.settle)
        papers = Papers(self.population, authority_of(settings.seed))
        writes = WriteDesk(self.directory, self.office, self.book, PacketKey(settings.seed), papers, calendar)
        self._centre = Centre(self.directory, desk, writes, self.office, self._capacity, rng)
        self._behaviour, self._put_at = settings.behaviour, settings.clock()
        self._state = StateFile(settings.state) if settings.state else None
        self._connections: set[Connection] = set()
        self._control = Control(self)
        self._control_connections: set[Connection] = set()
        self._ports: tuple[Listener, Listener] | None = None
        self._changing = asyncio.Lock()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> Addresses:
        """Take up stored state, open both ports and behave.

        Raises:
            OSError: A port cannot be had.
            StateError: What is in the state folder cannot be used.
        """
        self._restore()
        self.book.open()
        self.office.resume()
        face = Listener(self.settings.host, self.settings.port, lambda: Connection(self._centre, self._connections))
        try:
            control = Listener(self.settings.host, self.settings.control_port, self._control_connection)
        except OSError:
            face.close()
            raise
        self._ports = (face, control)
        await control.open()
        await self._apply(self.settings.clock() - self._put_at)
        addresses = Addresses(face.url, control.url)
        _log.info("mock_siak.started", url=addresses.url, control_url=addresses.control_url)
        return addresses

    async def stop(self) -> None:
        """Close everything and store the state; safe to call twice."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._capacity.clear()
        for port in self._ports or ():
            port.close()
        for connection in (*self._connections, *self._control_connections):
            connection.reset()
        self._centre.close()
        self.book.close()
        if self._ports:
            self._save()
            _log.info("mock_siak.stopped", arrived=self.stats.arrived, served=self.stats.served)
        self._ports = None
        await asyncio.sleep(0)

    @property
    def stats(self) -> Stats:
        """The counters since the start or the last reset."""
        return self._centre.stats

    @property
    def behaviour(self) -> Behaviour:
        """What is in force now, with the schedule as it was put."""
        return self._centre.behaviour

    async def set_behaviour(self, behaviour: Behaviour) -> None:
        """Replace the behaviour; it is in force, and stored, when this returns."""
        async with self._changing:
            self._behaviour, self._put_at = behaviour, self.settings.clock()
            self._save()
            await self._apply(0)

    async def reset(self) -> None:
        """Back to the behaviour of the settings, with nothing used, counted, handed in or waiting."""
        self._capacity.clear()
        self._centre.stats = Stats()
        self.quota.reset()
        self.book.clear()
        self.office.resume()
        await self.set_behaviour(self.settings.behaviour)

    def stats_document(self) -> dict[str, Any]:
        """Counters and gauges as JSON-ready data."""
        return {
            **self.stats.document(),
            "in_flight": self._capacity.in_flight,
            "backlog": self._capacity.backlog,
            "connections": len(self._connections),
            "quota": {"day": self.quota.day, "used": self.quota.used()},
        }

    def _control_connection(self) -> Connection:
        return Connection(self._control, self._control_connections)

    async def _apply(self, elapsed: float) -> None:
        """Put in force what holds `elapsed` seconds after the PUT, and wait for the next change."""
        before, now = self._centre.behaviour, self._behaviour.at(elapsed)
        self._centre.behaviour = self.office.behaviour = now
        self._capacity.follow(now)
        await self._show(before.mode, now.mode)
        if "schedule" in self._timers:
            self._timers.pop("schedule").cancel()
        upcoming = next((change.at for change in self._behaviour.schedule if change.at > elapsed), None)
        if upcoming is not None:
            loop = asyncio.get_running_loop()
            self._timers["schedule"] = loop.call_later(upcoming - elapsed, self._turn, self._behaviour, upcoming)

    async def _show(self, before: Mode, now: Mode) -> None:
        """Open, close or choke the port; break off connections that can never be answered any more."""
        if self._ports is None:
            return
        face = self._ports[0]
        if now is Mode.REFUSE:
            face.refuse()
            self._capacity.clear()
        elif now is Mode.DOWN:
            face.choke()
        else:
            await face.open()
        if before is not now:
            _log.info("mock_siak.mode.changed", before=before.value, now=now.value)
            self._break_off(everyone=now is Mode.REFUSE, stuck=before in (Mode.HANG, Mode.DOWN))

    def _break_off(self, *, everyone: bool, stuck: bool) -> None:
        for connection in tuple(self._connections):
            if everyone or (stuck and connection.swallowed):
                connection.reset()

    def _turn(self, behaviour: Behaviour, elapsed: float) -> None:
        """A scheduled moment has come."""
        task = asyncio.get_running_loop().create_task(self._turned(behaviour, elapsed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _turned(self, behaviour: Behaviour, elapsed: float) -> None:
        async with self._changing:
            if behaviour is self._behaviour:
                await self._apply(elapsed)

    def _restore(self) -> None:
        stored = self._state.load() if self._state else None
        if stored:
            self._behaviour, self._put_at = stored.parsed(), stored.put_at
            self.quota.restore(stored.day, stored.used)

    def _changed(self) -> None:
        """Quota was spent: store it soon, many calls at once."""
        if self._state and self._ports and "save" not in self._timers:
            self._timers["save"] = asyncio.get_running_loop().call_later(_SAVE_AFTER, self._save)

    def _save(self) -> None:
        if self._state is None:
            return
        timer = self._timers.pop("save", None)
        if timer:
            timer.cancel()
        self._state.save(Stored(self._behaviour.document(), self._put_at, self.quota.day, self.quota.used()))


async def serve(
    settings: MockSettings,
    *,
    ready: Callable[[Addresses], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a mock centre until `stop` is set (or for ever); `ready` is told the addresses once both ports answer."""
    mock = MockSiak(settings)
    try:
        addresses = await mock.start()
        if ready:
            ready(addresses)
        await (stop or asyncio.Event()).wait()
    finally:
        await mock.stop()


def _accounts(settings: MockSettings) -> tuple[Account, ...]:
    if isinstance(settings.accounts, Path):
        return load_accounts(settings.accounts)
    return demo_accounts(settings.seed) if settings.accounts is None else settings.accounts
