"""The host each extension is given: its way to the gateway, under its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import structlog
from msgspec.structs import replace

from gateway.contract.errors import Denied
from gateway.contract.submissions import SubmissionState
from gateway.http.intake import new_request_id
from gateway.pages import Pages
from gateway.registry.observing import Observers
from gateway.settings.secret import SecretMissing, secret
from gateway.wiring.host_pages import PagesOf

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import httpx
    import sqlalchemy as sa
    from structlog.typing import FilteringBoundLogger

    from gateway.contract.events import CentreEvent
    from gateway.contract.host import Asking, Clock, Job, KnownKey
    from gateway.contract.messages import Answer, Caller, Question, Right
    from gateway.contract.status import CentreStatus, FollowStatus
    from gateway.contract.submissions import Receipt, Standing, Submission, Waiting
    from gateway.database import Database
    from gateway.flows.ask import Asker
    from gateway.flows.attach import Attacher
    from gateway.flows.submit import Submitter
    from gateway.flows.track import Tracker
    from gateway.wiring.door import KeyDoor

T = TypeVar("T")
_TOO_EARLY = "callers are known once the gateway is open"


class Services:
    """What all hosts of one configuration share.

    Attributes:
        asker: The verb ask.
        submitter: The verb submit.
        tracker: The verb track.
        attacher: Takes in files.
        door: Finds callers; set once the extensions' authenticators are known.
        clock: The gateway's clock.
        http: Makes outbound clients.
        status: State of the way to the centre.
        environ: Where secrets are found.
        database: Holds the extensions' tables.
        left: Calls that a right, by name, has left today; None where nothing limits them.
        followed: How news of the centre travel on.
        pages: Draws pages; those of extensions are added once these are built.
    """

    def __init__(
        self,
        asker: Asker,
        submitter: Submitter,
        tracker: Tracker,
        attacher: Attacher,
        clock: Clock,
        http: Callable[[], httpx.AsyncClient],
        status: Callable[[], tuple[CentreStatus, ...]],
        environ: Mapping[str, str],
        database: Database,
        left: Callable[[str], int | None],
        followed: Callable[[], Awaitable[FollowStatus]],
    ) -> None:
        self.asker = asker
        self.submitter = submitter
        self.tracker = tracker
        self.attacher = attacher
        self.clock = clock
        self.http = http
        self.status = status
        self.environ = environ
        self.database = database
        self.left = left
        self.followed = followed
        self.door: KeyDoor | None = None
        self.pages = Pages()


class ExtensionHost:
    """One extension's host.

    Args:
        name: The extension's name; every act carries it.
        adapter: The same for an adapter; None for a plugin, which serves the callers of the native API.
        services: What all hosts share.
        start_job: Starts periodic work that ends with the extension.
    """

    def __init__(self, name: str, adapter: str | None, services: Services, start_job: Callable[[Job], None]) -> None:
        self._name = name
        self._adapter = adapter
        self._services = services
        self._start_job = start_job
        self._http: httpx.AsyncClient | None = None
        self._on_event: Observers[CentreEvent] = Observers("on_event")
        self._log: FilteringBoundLogger = structlog.get_logger(f"extension.{name}").bind(extension=name)

    @property
    def name(self) -> str:
        """The extension's name."""
        return self._name

    @property
    def clock(self) -> Clock:
        """The gateway's clock."""
        return self._services.clock

    @property
    def log(self) -> FilteringBoundLogger:
        """A logger bound to the extension."""
        return self._log

    @property
    def http(self) -> httpx.AsyncClient:
        """Outbound client with total deadline and size limit; closed with the extension."""
        if self._http is None:
            self._http = self._services.http()
        return self._http

    @property
    def pages(self) -> PagesOf:
        """Pages on the gateway's look, and the catalogue's forms on them."""
        return PagesOf(self._name, self._services.pages)

    def secret(self, name: str) -> str:
        """A secret of the extension.

        Raises:
            LookupError: It is not there; the text names the variable.
        """
        try:
            return secret(f"SIAK_GATEWAY_SECRET_{self._name}_{name}".upper(), self._services.environ)
        except SecretMissing as error:
            raise LookupError(str(error)) from None

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """The caller of a request.

        Raises:
            Unauthenticated: No valid key.
            RuntimeError: Asked before the gateway was open.
        """
        if self._services.door is None:
            raise RuntimeError(_TOO_EARLY)
        return await self._services.door.authenticate(headers)

    def known_key(self, key: str) -> KnownKey:
        """A key of ours that the extension acts under.

        Raises:
            RuntimeError: Asked before the gateway was open.
        """
        if self._services.door is None:
            raise RuntimeError(_TOO_EARLY)
        return self._services.door.known_key(key)

    def right(self, caller: Caller) -> Right | None:
        """The right a caller asks under, or None."""
        return self._services.asker.rights.of(caller)

    def allowance_left(self, caller: Caller) -> int | None:
        """Calls that the caller's right has left today, or None where nothing limits them."""
        return None if caller.right is None else self._services.left(caller.right)

    async def ask(self, caller: Caller, question: Question, asking: Asking) -> Answer:
        """Ask on behalf of a caller.

        Raises:
            Denied: The caller's key is bound to another adapter, or its right does not reach that far.
            GatewayError: Any other leaf of the error tree.
        """
        self._own(caller)
        if asking.request_id is None:
            asking = replace(asking, request_id=new_request_id())
        return (await self._services.asker.ask(caller, question, asking, self._name)).answer

    async def submit(
        self,
        caller: Caller,
        submission: Submission,
        key: str | None,
        *,
        filed_at: float | None = None,
        in_review: bool = False,
    ) -> Receipt:
        """Hand in on behalf of a caller; it is stored once this returns.

        Raises:
            Denied: The caller's key is bound to another adapter, or its right does not reach that far.
            GatewayError: Any other leaf of the error tree.
        """
        self._own(caller)
        state = SubmissionState.IN_REVIEW if in_review else SubmissionState.QUEUED
        submit = self._services.submitter.submit
        return (await submit(caller, submission, key, adapter=self._name, filed_at=filed_at, state=state)).receipt

    async def attach(
        self, caller: Caller, sha256: str, offset: int, length: int, pieces: AsyncIterator[bytes], until: float
    ) -> int:
        """Take in what follows of a caller's file.

        Raises:
            Denied: The caller's key is bound to another adapter, or its right may not hand anything in.
            GatewayError: Any other leaf of the error tree.
        """
        self._own(caller)
        return (await self._services.attacher.put(caller, sha256, offset, length, pieces, until)).offset

    async def track(self, caller: Caller, submission: str) -> Standing:
        """Where one of the caller's submissions stands.

        Raises:
            Denied: The caller's key is bound to another adapter.
            NotFound: There is none, or it is another caller's.
        """
        self._own(caller)
        return await self._services.tracker.standing(caller, submission)

    def copies(self) -> int:
        """See `Host.copies`."""
        return self._services.database.copies

    async def waiting(self) -> tuple[Waiting, ...]:
        """How much waits for the centre, by class."""
        return await self._services.tracker.waiting()

    def _own(self, caller: Caller) -> None:
        if caller.adapter != self._adapter:
            raise Denied("This key is bound to another adapter.")

    def centre_status(self) -> tuple[CentreStatus, ...]:
        """How each service of the centre is, since when."""
        return self._services.status()

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run a read of the extension's own tables."""
        return await self._services.database.read(work)

    async def transaction(self, work: Callable[[sa.Connection], T]) -> T:
        """Run a write of the extension's own tables; durable once this returns."""
        return await self._services.database.write(work)

    def every(self, job: Job) -> None:
        """Add periodic work; it ends when the extension closes."""
        self._start_job(job)

    def on_event(self, observer: Callable[[CentreEvent], object]) -> None:
        """Be told of the centre's events until it closes."""
        self._on_event = self._on_event.and_also(self._name, observer)

    def happened(self, event: CentreEvent) -> None:
        """Tell those who asked to be told."""
        self._on_event(event)

    async def follow_status(self) -> FollowStatus:
        """How far the centre's events are read, and what waits to be told outside."""
        return await self._services.followed()

    async def aclose(self) -> None:
        """Close what this host opened."""
        self._on_event = Observers("on_event")
        if self._http is not None:
            await self._http.aclose()
            self._http = None
