"""The registry: builds the extensions the config enables, opens them, hands out what they gave, closes them.

```
Registry.build ─► load class ─► check Config ─► cls(config, host) ─► hooks, once ─► routes ─► open() ─► … ─► close()
                      │              │                │                  │           │         │
                   Failure      ConfigFaults       Failure            Failure     Failure   Failure   others go on
```

A reload builds and opens a new registry beside the old one, swaps, and closes the old one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import structlog

from gateway.contract.roles import Health
from gateway.log import message_of
from gateway.registry.finding import enabled_in, found
from gateway.registry.guarding import GuardedAuthenticator, GuardedHealthCheck, GuardedNotifier, GuardedPolicy
from gateway.registry.hooks import Hooks, answer_of
from gateway.registry.loading import ANYTHING, Broken, plan
from gateway.registry.observing import Observers
from gateway.registry.page_folders import folders_of
from gateway.settings import ConfigFaults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from gateway.contract.events import CentreEvent, CircuitMove, ExchangeRecord
    from gateway.contract.extension import Extension
    from gateway.contract.host import Host, Job
    from gateway.contract.storage import Tables
    from gateway.contract.submissions import SubmissionMoved
    from gateway.contract.web import Route
    from gateway.registry.loading import Planned
    from gateway.registry.manifest import Kind
    from gateway.registry.page_folders import PageFolders
    from gateway.settings import Settings

EXTENSION_FAILED = "registry.extension.failed"
EXTENSION_OPENED = "registry.extension.opened"
EXTENSION_CLOSED = "registry.extension.closed"
TABLE_UNUSED = "registry.table.unused"

Stage = Literal["load", "build", "register", "routes", "tables", "open", "close"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds an extension may take for each of its acts."""

    open: float = 10.0
    close: float = 5.0
    policy: float = 0.5
    authenticator: float = 1.0
    health_check: float = 1.0
    notifier: float = 30.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An extension that is left out, or that failed while it was closed.

    Attributes:
        extension: Its name.
        kind: Plugin or adapter.
        stage: Where in its life it failed.
        reason: One line for admins, without personal data.
    """

    extension: str
    kind: Kind
    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class Mounted:
    """A route and the extension it belongs to."""

    extension: str
    kind: Kind
    route: Route

    def placed(self) -> Route:
        """The route where callers find it: an adapter's under `/apps/<name>`, its rule bound to that adapter."""
        if self.kind == "plugin":
            return self.route
        path = self.route.path if self.route.absolute else f"/apps/{self.extension}{self.route.path}"
        return replace(self.route, path=path, rule=replace(self.route.rule, adapter=self.extension))


@dataclass(frozen=True, slots=True)
class OwnedJob:
    """A job and the extension it belongs to."""

    extension: str
    job: Job


@dataclass(frozen=True, slots=True)
class Member:
    """An extension that was built, with what its hooks gave."""

    name: str
    kind: Kind
    extension: Extension
    routes: tuple[Mounted, ...]
    tables: tuple[Tables, ...]
    pages: PageFolders | None
    jobs: tuple[OwnedJob, ...]
    policies: tuple[GuardedPolicy, ...]
    authenticators: tuple[GuardedAuthenticator, ...]
    health_checks: tuple[GuardedHealthCheck, ...]
    notifiers: tuple[GuardedNotifier, ...]


class Registry:
    """The extensions of one config.

    What they gave is complete after `open()`: an extension that fails to open takes its part with it.

    Attributes:
        routes: All routes with their owners, in the config's order.
        jobs: All periodic work.
        policies: All policies, guarded.
        authenticators: All further ways to identify a caller, guarded.
        health_checks: All health checks, guarded.
        notifiers: All notifiers, guarded, by extension.
        exchange_finished: Call it with each record; it tells all observers.
        submission_moved: Call it with each move; it tells all observers.
        circuit_moved: Call it with each move; it tells all observers.
        centre_event: Call it with each event; it tells all observers.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._hooks = Hooks()
        self._members: list[Member] = []
        self._failures: list[Failure] = []
        self._collect()

    @classmethod
    def build(cls, settings: Settings, host_for: Callable[[str], Host], limits: Limits | None = None) -> Registry:
        """Build all extensions the config enables; none is opened yet.

        Args:
            settings: The config.
            host_for: Gives each extension its host, by its name.
            limits: How long each act may take.

        Raises:
            ConfigFaults: An enabled extension is not installed, or its table is wrong.
        """
        planned = plan(settings)
        if planned.faults:
            raise ConfigFaults(tuple(planned.faults))
        registry = cls(limits or Limits())
        for kind, name, error in planned.broken:
            registry._fail(name, kind, "load", error)
        for each in planned.planned:
            registry._add(each, host_for(each.name))
        registry._collect()
        _warn_of_unused_tables(settings)
        return registry

    @property
    def members(self) -> tuple[Member, ...]:
        """The extensions that work, in the config's order."""
        return tuple(self._members)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed so far."""
        return tuple(self._failures)

    def leave_out(self, claim: Callable[[Member], None]) -> tuple[Member, ...]:
        """Let each extension claim its addresses, in the config's order; those that cannot are left out.

        Args:
            claim: Takes the addresses of one, or raises.

        Returns:
            Those left out, not closed yet.
        """
        lost = []
        for member in self.members:
            try:
                claim(member)
            except ANYTHING as error:
                self._fail(member.name, member.kind, "routes", error)
                self._remove(member)
                lost.append(member)
        return tuple(lost)

    async def settle(self, claim: Callable[[Member], None]) -> None:
        """As `leave_out`, and close those left out."""
        for member in self.leave_out(claim):
            await self._close(member)

    async def open(self, make_tables: Callable[[str, Tables], Awaitable[None]] | None = None) -> None:
        """Open all extensions in the config's order; one that fails is left out and the others go on.

        Args:
            make_tables: Brings the tables of an extension, named first, up to date; None where there is no storage.
        """
        for member in tuple(self._members):
            stage: Stage = "tables"
            try:
                if make_tables is not None:
                    for tables in member.tables:
                        await make_tables(member.name, tables)
                stage = "open"
                async with asyncio.timeout(self._limits.open):
                    await member.extension.open()
                log.info(EXTENSION_OPENED, extension=member.name, kind=member.kind)
            except ANYTHING as error:
                self._fail(member.name, member.kind, stage, error)
                self._remove(member)
                await self._close(member)

    async def close(self) -> None:
        """Close all extensions, last opened first; one that fails does not keep the others from closing."""
        members = self._members[::-1]
        self._members = []
        for member in members:
            await self._close(member)
            self._hooks.remove(member.name)
        self._collect()

    async def health(self) -> tuple[tuple[str, Health], ...]:
        """How each extension is; those that failed are not ok."""
        lost = tuple((failure.extension, Health(ok=False, detail=failure.reason)) for failure in self._failures)
        checks = self.health_checks
        states = await asyncio.gather(*(check.check() for check in checks))
        return lost + tuple((check.extension, state) for check, state in zip(checks, states, strict=True))

    async def _close(self, member: Member) -> None:
        try:
            async with asyncio.timeout(self._limits.close):
                await member.extension.close()
            log.info(EXTENSION_CLOSED, extension=member.name, kind=member.kind)
        except ANYTHING as error:
            self._fail(member.name, member.kind, "close", error)

    def _add(self, planned: Planned, host: Host) -> None:
        stage: Stage = "build"
        try:
            extension = planned.cls(planned.config, host)
            stage = "register"
            self._hooks.register(extension)
            self._members.append(self._asked(planned, extension))
        except ANYTHING as error:
            self._hooks.remove(planned.name)
            self._fail(planned.name, planned.kind, stage, error)

    def _asked(self, planned: Planned, extension: Extension) -> Member:
        """Ask all hooks of one extension, once."""
        name, kind, limits = planned.name, planned.kind, self._limits

        def given(hook: str) -> tuple[Any, ...]:
            methods = self._hooks.methods(hook, (name,))
            return answer_of(hook, methods[0][1]) if methods else ()

        return Member(
            name,
            kind,
            extension,
            tuple(Mounted(name, kind, route) for route in given("gateway_routes")),
            _one_folder(given("gateway_tables")),
            folders_of(given("gateway_pages")),
            tuple(OwnedJob(name, job) for job in given("gateway_jobs")),
            tuple(GuardedPolicy(name, each, limits.policy) for each in given("gateway_policies")),
            tuple(GuardedAuthenticator(name, each, limits.authenticator) for each in given("gateway_authenticators")),
            tuple(GuardedHealthCheck(name, each, limits.health_check) for each in given("gateway_health_checks")),
            _one_notifier(GuardedNotifier(name, each, limits.notifier) for each in given("gateway_notifiers")),
        )

    def _remove(self, member: Member) -> None:
        self._members.remove(member)
        self._hooks.remove(member.name)
        self._collect()

    def _collect(self) -> None:
        members = self._members
        self.routes = tuple(each for member in members for each in member.routes)
        self.jobs = tuple(each for member in members for each in member.jobs)
        self.policies = tuple(each for member in members for each in member.policies)
        self.authenticators = tuple(each for member in members for each in member.authenticators)
        self.health_checks = tuple(each for member in members for each in member.health_checks)
        self.notifiers = {each.extension: each for member in members for each in member.notifiers}
        order = [member.name for member in members]
        self.exchange_finished: Observers[ExchangeRecord] = self._observers("gateway_exchange_finished", order)
        self.submission_moved: Observers[SubmissionMoved] = self._observers("gateway_submission_moved", order)
        self.circuit_moved: Observers[CircuitMove] = self._observers("gateway_circuit_moved", order)
        self.centre_event: Observers[CentreEvent] = self._observers("gateway_centre_event", order)

    def _observers(self, hook: str, order: list[str]) -> Observers[Any]:
        return Observers(hook, self._hooks.methods(hook, order))

    def _fail(self, name: str, kind: Kind, stage: Stage, error: BaseException) -> None:
        reason = str(error) if isinstance(error, Broken) else _reason(error)
        self._failures.append(Failure(name, kind, stage, reason))
        log.error(EXTENSION_FAILED, extension=name, kind=kind, stage=stage, reason=reason, exc_info=error)


def _one_folder(tables: tuple[Tables, ...]) -> tuple[Tables, ...]:
    if len(tables) > 1:
        raise Broken("gateway_tables gives more than one folder of revisions")
    return tables


def _one_notifier(notifiers: Iterable[GuardedNotifier]) -> tuple[GuardedNotifier, ...]:
    given = tuple(notifiers)
    if len(given) > 1:
        raise Broken("gateway_notifiers gives more than one notifier")
    return given


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it took too long"
    return f"{type(error).__name__}: {message_of(str(error))}"


def _warn_of_unused_tables(settings: Settings) -> None:
    """Name tables that configure what is neither enabled nor installed, such as after a package was removed."""
    known = set(found()) | {name for _, name, _ in enabled_in(settings)}
    for kind, tables in (("plugins", settings.plugins), ("adapters", settings.adapters)):
        for name in tables.tables():
            if name not in known:
                log.warning(TABLE_UNUSED, table=f"{kind}.{name}")
