"""What one config gives: rights, extensions, routes. A reload builds the next one beside it and swaps."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from gateway.catalogue.services import SERVICES
from gateway.contract.messages import READS
from gateway.flows.ask import Asker
from gateway.flows.feed import Feed
from gateway.flows.receipts import Receipts
from gateway.flows.rights import Purpose, Rights
from gateway.flows.sign_in import SigningIn
from gateway.flows.staff import Staff
from gateway.http.attachments import Attachments
from gateway.http.check import Check
from gateway.http.documents import DocumentRoutes
from gateway.http.entrance import Entrance
from gateway.http.events import Events
from gateway.http.network_pace import NetworkPace
from gateway.http.page_files import PageFiles
from gateway.http.papers import Requirements
from gateway.http.people import SignInPages
from gateway.http.residents import Residents
from gateway.http.staff import StaffPages
from gateway.http.submissions import Submissions
from gateway.http.system import Facts, System
from gateway.http.table import RouteTable
from gateway.pages import AssetFolder, Pages
from gateway.registry.finding import installed, mounts_of
from gateway.registry.registry import Registry
from gateway.wiring.claims import Claims
from gateway.wiring.described import Described
from gateway.wiring.door import KeyDoor
from gateway.wiring.host import ExtensionHost, Services

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import date

    import httpx

    from gateway.contract.events import CentreEvent
    from gateway.contract.host import Clock, Job
    from gateway.contract.messages import Caller
    from gateway.contract.status import FollowStatus
    from gateway.contract.storage import Tables
    from gateway.contract.submissions import SubmissionMoved
    from gateway.contract.web import Route
    from gateway.database import Database
    from gateway.ledger.ledger import Ledger
    from gateway.people.callers import Callers
    from gateway.people.people import People
    from gateway.settings import Settings
    from gateway.wiring.chain import Chain
    from gateway.wiring.handing_in import HandingIn
    from gateway.wiring.papers import Paperwork
    from gateway.wiring.supervisor import Supervisor


def rights_of(settings: Settings, clock: Clock) -> Rights:
    """The core's checks, as configured."""
    return Rights(
        {name: right.right(name) for name, right in settings.rights.items()},
        {code: Purpose(code, settings.priority_of(code)) for code in settings.purposes},
        {service: SERVICES[service].priority for service in READS},
        clock,
        settings.zone,
    )


def entrance_of(settings: Settings, people: People, pages: Callable[[], Pages]) -> Entrance:
    """The door for people, as configured."""
    wanted = settings.people
    origins = [one for one in (wanted.url, *wanted.origins) if one]
    is_secure = wanted.is_secure or bool(settings.server.tls_cert)
    return Entrance(people, pages, origins, secure=is_secure)


class Generation:
    """Everything that follows from one config.

    Args:
        settings: The config.
        chain: The way to the centre, shared by all generations.
        handing_in: The write half, shared by all generations.
        callers: Callers and their keys, shared by all generations.
        database: Holds the extensions' tables.
        make_tables: Brings the tables of an extension up to date.
        supervisor: Runs the extensions' jobs.
        clock: The gateway's clock.
        http: Makes outbound clients for extensions.
        readiness: What `/health/ready` looks at beside the extensions.
        number: Counted from 1; owners of jobs carry it.
        environ: Where extensions' secrets are found.
        ledger: Writes exchanges down, shared by all generations; None where it is switched off.
        followed: How news of the centre travel on.
        people: Who may sign in, and who has; shared by all generations.
        paperwork: Documents and papers, shared by all generations.

    Raises:
        ConfigFaults: An extension is not installed or its table is wrong.
    """

    def __init__(
        self,
        settings: Settings,
        chain: Chain,
        handing_in: HandingIn,
        callers: Callers,
        database: Database,
        make_tables: Callable[[str, Tables], Awaitable[None]],
        supervisor: Supervisor,
        clock: Clock,
        http: Callable[[], httpx.AsyncClient],
        readiness: Callable[[], Awaitable[dict[str, str]]],
        number: int,
        environ: Mapping[str, str],
        ledger: Ledger | None,
        followed: Callable[[], Awaitable[FollowStatus]],
        people: People,
        paperwork: Paperwork,
    ) -> None:
        self.settings = settings
        self.rights = rights_of(settings, clock)
        self.asker = Asker(chain, self.rights, clock, settings.centre.deadline, ledger)
        self.submitter = handing_in.submitter(self.rights, settings, self.moved, ledger)
        self.tracker = handing_in.tracker(self.moved, ledger)
        self.attacher = handing_in.attacher(self.rights, settings.blobs)
        self.printing = paperwork.printing(ledger)
        self._paperwork = paperwork
        self._clock = clock
        self._chain = chain
        self._clock = clock
        self._callers = callers
        self._make_tables = make_tables
        self._supervisor = supervisor
        self._core_readiness = readiness
        self._number = number
        self.feed = Feed(handing_in.notifying, clock, settings.follow.keep)
        self._shared = Services(
            self.asker,
            self.submitter,
            self.tracker,
            self.attacher,
            clock,
            http,
            chain.status,
            environ,
            database,
            chain.allowance.left,
            followed,
        )
        self._hosts: dict[str, ExtensionHost] = {}
        self.entrance = entrance_of(settings, people, lambda: self.pages)
        self.staff = Staff(people.accounts, ledger)
        self.door = KeyDoor(callers, self.rights, self.entrance)
        self.public = self.operator = RouteTable(())
        self.registry = Registry.build(settings, self._host)
        self.pages = self._shared.pages = self._with_pages()
        self._manifests = {one.name: one.manifest for one in installed(settings)}

    async def open(self) -> None:
        """Mount the routes, open the extensions and start their jobs; those that cannot are left out."""
        try:
            await self.registry.settle(self._claims().claim)
            self._settle()
            await self.registry.open(self._make_tables)
            self._settle()
            await self._release_lost()
            for owned in self.registry.jobs:
                self._supervisor.start(self._owner(owned.extension), owned.job)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the extensions' jobs and close them."""
        for name in self._hosts:
            await self._supervisor.stop(self._owner(name))
        await self.registry.close()
        for host in self._hosts.values():
            await host.aclose()

    async def _release_lost(self) -> None:
        """End what an extension began before it was left out."""
        for name in self._hosts.keys() - {member.name for member in self.registry.members}:
            await self._supervisor.stop(self._owner(name))
            await self._hosts[name].aclose()

    async def readiness(self) -> dict[str, str]:
        """Each thing readiness depends on, with its fault or an empty text."""
        checks = await self._core_readiness()
        for name, health in await self.registry.health():  # one check of several that fails is never hidden
            fault = "" if health.ok else health.detail or "not well"
            checks[f"extension:{name}"] = checks.get(f"extension:{name}") or fault
        return checks

    def _settle(self) -> None:
        """Take what the extensions gave into the tables; done again once those that cannot open are out."""
        self.asker.policies = tuple(self.registry.policies)
        self.asker.tell = self.registry.exchange_finished
        self.door = KeyDoor(self._callers, self.rights, self.entrance, self.registry.authenticators)
        self._shared.door = self.door
        claims = self._claims()
        for member in self.registry.members:
            claims.claim(member)
        self.public, self.operator = claims.tables()
        self._described = Described(self.public.mounted, self.settings, self._manifests)

    def _claims(self) -> Claims:
        """The gateway's own routes, and where adapters may stand."""
        slow_from = self.settings.centre.limiter.objective
        facts = Facts(self._chain.status, self.readiness, self._adapters, self._openapi, slow_from)
        papers = Requirements(self.settings.profiles, self._today)
        native = (*Residents(self.asker).routes(), *self._submissions(), *papers.routes())
        files = PageFiles(self.pages).routes()
        system = (*System(facts, self.pages).routes(), *files)
        health = System(facts, self.pages, detailed=True).health_routes()
        return Claims((*native, *self._people(), *system), (*health, *files), mounts_of(self.settings))

    def _with_pages(self) -> Pages:
        """Our pages, and those of the extensions."""
        found = {member.name: member.pages for member in self.registry.members if member.pages is not None}
        assets = [AssetFolder(name, one.assets) for name, one in found.items() if one.assets is not None]
        return Pages({name: one.templates for name, one in found.items()}, assets)

    def _submissions(self) -> tuple[Route, ...]:
        submissions = Submissions(self.submitter, self.tracker).routes()
        submissions = Submissions(self.submitter, self.tracker).routes()
        events = Events(self.feed, self._authenticate).routes()
        return (*submissions, *Attachments(self.attacher).routes(), *events, *self._documents())

    def _documents(self) -> tuple[Route, ...]:
        paperwork, settings = self._paperwork, self.settings
        pace = NetworkPace(settings.documents.checks_per_minute)
        check = Check(paperwork.documents.check, pace, self._clock, self.pages)
        receipts = Receipts(self.tracker, paperwork.papers, settings.signing.title, settings.zone)
        alignment = paperwork.papers.alignment
        routes = DocumentRoutes(self.printing, alignment, receipts.pdf, self._clock.now, settings.zone)
        return (*routes.routes(), *check.routes())

    async def _authenticate(self, headers: Mapping[str, str]) -> Caller:
        return await self.door.authenticate(headers)

    def _today(self) -> date:
        """The legal day."""
        return datetime.fromtimestamp(self._clock.now(), self.settings.zone).date()

    def _people(self) -> tuple[Route, ...]:
        wanted = self.settings.people
        signing_in = SigningIn(
            self.entrance.people, everyone=wanted.second_step == "everyone", shortest=wanted.password_length
        )
        staff = StaffPages(self.entrance, self.staff, wanted.url)
        return (*SignInPages(self.entrance, signing_in).routes(), *staff.routes())

    def moved(self, moved: SubmissionMoved) -> None:
        """Tell extensions and streams of a stored move."""
        self.feed.moved(moved.caller)
        self.registry.submission_moved(moved)

    def happened(self, event: CentreEvent) -> None:
        """Tell extensions of an event of the centre."""
        self.registry.centre_event(event)
        for host in self._hosts.values():
            host.happened(event)

    def _adapters(self) -> list[tuple[str, str, str, bool]]:
        """Name, both titles and health of each adapter that is switched on."""
        running = {member.name for member in self.registry.members}
        found = []
        for name in self.settings.adapters.enabled:
            manifest = self._manifests.get(name)
            titles = (manifest.title, manifest.title_id) if manifest is not None else (name, name)
            found.append((name, *titles, name in running))
        return found

    def _openapi(self, adapter: str | None) -> dict[str, object]:
        return self._described.document(adapter)

    def _host(self, name: str) -> ExtensionHost:
        adapter = name if name in self.settings.adapters.enabled else None
        host = ExtensionHost(name, adapter, self._shared, lambda job: self._start(name, job))
        self._hosts[name] = host
        return host

    def _start(self, name: str, job: Job) -> None:
        self._supervisor.start(self._owner(name), job)

    def _owner(self, name: str) -> str:
        return f"{name}#{self._number}"
