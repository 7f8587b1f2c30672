"""The gateway as one object: opened, reloaded, closed.

```
open: secrets ─► database ─► ledger ─► callers ─► chain ─► generation 1 ─► listeners
reload: read config ─► faulty? keep the old ─► generation n+1 beside it ─► swap ─► drain and close the old
close: refuse new requests, claim no more ─► wait for what is under way ─► listeners ─► extensions ─► chain ─► ledger
       ─► database
```
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from gateway.centre.client import outbound
from gateway.centre.shares import RENEW
from gateway.centre.transport import Limits as OutboundLimits
from gateway.contract.errors import GatewayError
from gateway.contract.host import Job
from gateway.database.errors import DatabaseError
from gateway.database.migrate import pending_in
from gateway.http.application import Application, Limits
from gateway.http.forwarded import Proxies
from gateway.http.server import Listener, PortTaken
from gateway.registry.restarting import requires_restart
from gateway.settings import ConfigFaults
from gateway.wiring.chain import Chain
from gateway.wiring.files import OPERATOR, connections_of, soft_limit
from gateway.wiring.generation import Generation, rights_of
from gateway.wiring.handing_in import HandingIn
from gateway.wiring.keeping import Retention, keep_copy, tell_returns
from gateway.wiring.key_checks import open_fitting_keyring
from gateway.wiring.news import News
from gateway.wiring.papers import Paperwork
from gateway.wiring.parts import accounts_of, make_tables, open_callers, open_database, open_ledger, open_people
from gateway.wiring.supervisor import Supervisor

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from gateway.centre.account import Account
    from gateway.contract.events import CircuitMove
    from gateway.contract.host import Clock
    from gateway.contract.storage import Tables
    from gateway.database import Database
    from gateway.ledger.ledger import Ledger
    from gateway.people.callers import Callers
    from gateway.people.people import People
    from gateway.settings import Settings

NATIVE = "native"
KEYS_EVERY = 1.0
"""Seconds between two looks at the keys, so that a revocation elsewhere is obeyed within two."""
USES_EVERY = 300.0
PEOPLE_EVERY = 600.0
"""Seconds between two looks for sessions, codes and counts that are over."""
OUTBOUND = OutboundLimits(connections=64, connect_timeout=5.0, idle=30.0, max_response_bytes=1_048_576, total=30.0)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Outcome of a reload.

    Attributes:
        restart_needed: Keys whose value differs from what runs and takes effect after a restart.
        stranded: Rights that living keys name and that are gone: those callers are refused everything.
    """

    restart_needed: tuple[str, ...]
    stranded: tuple[str, ...] = ()


class Gateway:
    """A running gateway; made by `Gateway.open`."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], database: Database, callers: Callers, chain: Chain,
        accounts: dict[str, Account], clock: Clock, supervisor: Supervisor, handing_in: HandingIn, news: News,
        ledger: Ledger | None, people: People, paperwork: Paperwork,
    ) -> None:  # fmt: skip
        self.settings = self._started_with = settings
        self.database = database
        self.callers = callers
        self.chain = chain
        self.supervisor = supervisor
        self.handing_in = handing_in
        self.news = news
        self.ledger = ledger
        self.people = people
        self.paperwork = paperwork
        self._environ = environ
        self._accounts = accounts
        self._clock = clock
        self._numbers = iter(range(1, 1 << 62))
        self._reloading = asyncio.Lock()
        self._listeners: list[Listener] = []
        self._log = structlog.get_logger("gateway")
        self.generation = self._next_generation(settings)
        limits = _limits(settings)
        self._ends_tls = settings.server.tls_cert is not None  # until the restart that a change of it needs
        proxies = self._proxies(settings)
        self.public = Application(self.generation.public, self.generation.door, limits, clock, proxies[0])
        self.operator = Application(self.generation.operator, self.generation.door, limits, clock, proxies[1])

    @classmethod
    async def open(cls, settings: Settings, environ: Mapping[str, str], clock: Clock, rng: random.Random) -> Gateway:
        """Open everything but the listeners.

        Raises:
            ConfigFaults, SecretMissing, VaultError, StorageUnavailable: What an admin has to mend.
        """
        accounts = accounts_of(settings, environ)
        database = await open_database(settings, environ)
        moved = _Moved()
        chain: Chain | None = None
        ledger: Ledger | None = None
        supervisor = Supervisor(rng)
        try:
            keyring = await open_fitting_keyring(settings, environ, database)
            place = await keep_copy(settings, database)
            ledger = await open_ledger(settings, environ, keyring, clock, place)
            await tell_returns(database, ledger)
            callers = open_callers(settings, database, keyring, clock)
            await callers.refresh()
            rights = rights_of(settings, clock).rights
            chain = Chain(settings, keyring, database, accounts, rights, clock, rng, moved)
            await chain.open()
            handing_in = HandingIn(settings, chain, database, keyring, clock, rng)
            news = News(settings, chain, handing_in, callers, clock, rng)
            people = open_people(settings, database, keyring, clock)
            paperwork = Paperwork(settings, environ, chain, database, handing_in.blobs, keyring, clock, rng)
            gateway = cls(
                settings, environ, database, callers, chain, accounts, clock, supervisor, handing_in, news, ledger,
                people, paperwork,
            )  # fmt: skip
            moved.gateway = gateway
            await gateway.generation.open()
            gateway._settle()
            await news.open()
        except BaseException:
            await supervisor.stop()
            if chain is not None:
                await chain.close()
            if ledger is not None:
                await ledger.close()
            await database.close()
            raise
        supervisor.start(NATIVE, Job("keys", KEYS_EVERY, gateway._refresh_keys))
        supervisor.start(NATIVE, Job("uses", USES_EVERY, callers.note_uses))
        handing_in.begin(supervisor)
        documents = paperwork.documents
        retention = Retention(settings, database, handing_in.outbox, handing_in.blobs, clock, documents)
        supervisor.start(NATIVE, Job("retention", retention.every, retention.run))
        supervisor.start(NATIVE, Job("people", PEOPLE_EVERY, people.sweep))
        news.begin(supervisor)
        paperwork.begin(supervisor)
        if chain.shares is not None:
            supervisor.start(NATIVE, Job("shares", RENEW, chain.shares.renew))
        if ledger is not None:
            supervisor.start(NATIVE, Job("checkpoints", settings.ledger.checkpoint_every, ledger.checkpoint))
        return gateway

    async def listen(self) -> dict[str, str]:
        """Open the ports; the URLs of the public and the operator listener.

        Raises:
            CertificateUnusable: The certificate or its key cannot be used.
            PortTaken: Another program has the port.
        """
        server = self.settings.server
        tls = (Path(server.tls_cert), Path(server.tls_key)) if server.tls_cert and server.tls_key else None
        callers = connections_of(soft_limit(), self.settings.centre.connections)
        with _named("port"):
            public = Listener(self.public, server.host, server.port, tls=tls, engine=server.engine, connections=callers)
        self._listeners.append(public)
        with _named("operator_port"):
            operator = Listener(
                self.operator, server.operator_host, server.operator_port, engine=server.engine, connections=OPERATOR
            )
        self._listeners.append(operator)
        for listener in self._listeners:
            await listener.start()
        return {"gateway": public.url, "operator": operator.url}

    async def reload(self, settings: Settings) -> Reloaded:
        """Take over a config that was read again; running requests end under the old one.

        Raises:
            ConfigFaults, SecretMissing, RouteFault: It cannot be used; the old one stays. A config without any right
                is such a one while living keys name rights: it is most likely a file that was emptied or cut.
        """
        async with self._reloading:
            stranded = self._stranded(settings)
            accounts = accounts_of(settings, self._environ)
            following = self._next_generation(settings)
            await following.open()
            started = self._started_with
            restart = (*requires_restart(started, settings), *_centre_changes(started, settings))
            old, self.generation, self.settings = self.generation, following, settings
            self._accounts.clear()
            self._accounts.update(accounts)
            self.chain.allowance.replace_rights(following.rights.rights)
            self._settle()
            try:
                await self._drained(old)
            finally:
                await old.close()
            return Reloaded(restart, stranded)

    def _stranded(self, settings: Settings) -> tuple[str, ...]:
        """Rights that go with the new config although living keys name them.

        Raises:
            ConfigFaults: No right would be left.
        """
        named = self.callers.rights()
        if named and not settings.rights:
            message = f"no right is left, but living keys name {', '.join(sorted(named))}"
            cure = "put the [rights.<name>] tables back, or revoke those keys first"
            raise ConfigFaults((settings.source.fault(("rights",), message, cure),))
        return tuple(sorted((named & self.settings.rights.keys()) - settings.rights.keys()))

    async def close(self) -> None:
        """Stop accepting, let running requests end, close everything, whatever of it fails."""
        async with AsyncExitStack() as closing:  # the last named is closed first
            closing.push_async_callback(self.database.close)
            closing.callback(self.people.close)
            if self.ledger is not None:
                closing.push_async_callback(self.ledger.close)
            closing.push_async_callback(self.chain.close)
            closing.push_async_callback(self.supervisor.stop)
            closing.push_async_callback(self.generation.close)
            self.public.draining = self.operator.draining = True
            parts = (self.handing_in, self.news, self.paperwork)
            ending = [part.end(self.supervisor) for part in parts]
            await asyncio.gather(self._drained(self.generation), *ending)
            await asyncio.gather(*(listener.stop() for listener in self._listeners))

    async def _drained(self, generation: Generation) -> None:
        """Wait until the requests that began under a generation are answered, at most for the drain time."""
        seconds = self.settings.server.drain
        generation.feed.end()
        try:
            async with asyncio.timeout(seconds):
                await generation.public.idle()
                await generation.operator.idle()
        except TimeoutError:
            self._log.warning("gateway.drain.cut", seconds=seconds)

    def _proxies(self, settings: Settings) -> tuple[Proxies, Proxies]:
        """Whose word is believed, at the public listener and at the operators'; the latter ends no TLS."""
        trusted = settings.server.trusted_proxies
        return Proxies(trusted, own_tls=self._ends_tls), Proxies(trusted)

    def _settle(self) -> None:
        generation = self.generation
        limits = _limits(generation.settings)
        for application, table in ((self.public, generation.public), (self.operator, generation.operator)):
            application.table, application.door, application.limits = table, generation.door, limits
        self.public.proxies, self.operator.proxies = self._proxies(generation.settings)
        self.handing_in.dispatcher.tell = generation.moved
        registry = generation.registry
        self.news.settle(generation.settings, generation.moved, generation.happened, registry.notifiers)

    def _next_generation(self, settings: Settings) -> Generation:
        return Generation(
            settings,
            self.chain,
            self.handing_in,
            self.callers,
            self.database,
            self._make_tables,
            self.supervisor,
            self._clock,
            _outbound(settings),
            self._readiness,
            next(self._numbers),
            self._environ,
            self.ledger,
            self.news.status,
            self.people,
            self.paperwork,
        )

    async def _make_tables(self, name: str, tables: Tables) -> None:
        await make_tables(self.settings.database_url(self._environ), name, tables)

    async def _refresh_keys(self) -> None:
        await self.callers.refresh()

    async def _readiness(self) -> dict[str, str]:
        if not await self.database.writable():
            return {"database": "not writable"}
        try:
            behind = await self.database.read(pending_in)
        except (GatewayError, DatabaseError) as error:  # told by readiness itself, beside its other checks
            return {"database": f"not readable: {type(error).__name__}"}
        checks = {"database": f"{len(behind)} revisions behind" if behind else ""}
        return checks if self.ledger is None else checks | {"ledger": await self.ledger.fault()}


class _Moved:
    """Tells the dispatcher and the present generation's observers of circuit moves."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None

    def __call__(self, move: CircuitMove) -> None:
        if self.gateway is not None:
            self.gateway.handing_in.dispatcher.circuit_moved(move)
            self.gateway.generation.registry.circuit_moved(move)


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Tell whose port is taken with what sets it."""
    try:
        yield
    except PortTaken as error:
        cure = f"stop what listens there, or set another port with SIAK_GATEWAY_{key.upper()} or server.{key}"
        raise PortTaken(f"{error}; cure: {cure}") from None


def _limits(settings: Settings) -> Limits:
    server, centre = settings.server, settings.centre
    return Limits(server.max_body_bytes, server.max_header_bytes, centre.deadline, centre.deadline_max)


def _centre_changes(old: Settings, new: Settings) -> tuple[str, ...]:
    """Keys of the way to the centre that changed: its links keep their state, so they are read at start only."""
    return tuple(
        f"centre.{key}"
        for key in type(old.centre).model_fields
        if key not in {"deadline", "deadline_max"} and getattr(old.centre, key) != getattr(new.centre, key)
    )


def _outbound(settings: Settings) -> Callable[[], httpx.AsyncClient]:
    """Makes outbound clients for extensions, within the reach a config allows."""
    return lambda: outbound(OUTBOUND, allow=settings.outbound.allow)
