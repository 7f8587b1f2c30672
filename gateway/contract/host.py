"""The host: the one object through which an extension reaches the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from gateway.contract.messages import Freshness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import httpx
    import sqlalchemy as sa
    from structlog.typing import FilteringBoundLogger

    from gateway.contract.events import CentreEvent
    from gateway.contract.messages import Answer, Caller, Question, Right
    from gateway.contract.pages import HostPages
    from gateway.contract.status import CentreStatus, FollowStatus
    from gateway.contract.submissions import Receipt, Standing, Submission, Waiting

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """Periodic work of an extension.

    Attributes:
        name: Stable name within the extension.
        every: Seconds between the end of one run and the start of the next; jittered by a tenth.
        run: What to do; an error is logged, counted, and the job runs again after a growing pause.
    """

    name: str
    every: float
    run: Callable[[], Awaitable[None]]


class Clock(Protocol):
    """Time as the gateway sees it; injected, so that tests and the demo can move it."""

    def now(self) -> float:
        """Unix seconds (UTC)."""

    def monotonic(self) -> float:
        """Seconds that never go back; the scale of all deadlines."""


class Asking(msgspec.Struct, frozen=True):
    """How a question is asked on behalf of a caller.

    Attributes:
        purpose: Purpose code; must be one the caller and its right hold.
        village: Village it is asked for; None takes the caller's own.
        deadline: Monotonic seconds; None takes the config's default.
        freshness: What to take from the cache; None takes the config's default.
        request_id: Correlation id; None makes a new one.
        traceparent: W3C trace context to pass on.
        negative: Take "not found" as an answer whose reply is not `found`, to show the centre's own words, instead of
            having `NotFound` raised.
    """

    purpose: str
    village: str | None = None
    deadline: float | None = None
    freshness: Freshness | None = None
    request_id: str | None = None
    traceparent: str | None = None
    negative: bool = False


class KnownKey(Protocol):
    """A key that an extension holds for callers whose credentials are other ones."""

    def caller(self) -> Caller:
        """Whose key it is now; quick, without I/O, and to be asked at each request.

        Raises:
            Unauthenticated: Unknown, expired or revoked.
        """


class Host(Protocol):
    """What the gateway offers an extension. One instance per extension, so that acts carry its name."""

    @property
    def name(self) -> str:
        """The extension's name."""

    @property
    def clock(self) -> Clock:
        """The gateway's clock."""

    @property
    def log(self) -> FilteringBoundLogger:
        """A logger bound to the extension; personal data is redacted."""

    @property
    def http(self) -> httpx.AsyncClient:
        """Outbound client, never for the centre: a total deadline, a bounded reply, no cookies, no redirects.

        It connects to public addresses only, and to the networks of `outbound.allow`: what a name resolves to is
        looked at when it connects.
        """

    @property
    def pages(self) -> HostPages:
        """Pages on the gateway's look, and the catalogue's forms on them."""

    def secret(self, name: str) -> str:
        """A secret of the extension, from the variable `SIAK_GATEWAY_SECRET_<EXTENSION>_<NAME>`.

        Or from the file that the same name with `_FILE` behind it names. No extension reaches the gateway's own keys.

        Raises:
            LookupError: It is not there; the text names the variable, never a value.
        """

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """The caller of a request (header names in lower case).

        Raises:
            Unauthenticated: No valid key.
        """

    def known_key(self, key: str) -> KnownKey:
        """A key of ours, for adapters that find out by themselves who calls and act as one of our callers."""

    def right(self, caller: Caller) -> Right | None:
        """The right a caller asks under, or None."""

    def allowance_left(self, caller: Caller) -> int | None:
        """Calls that the caller's right has left today, as its count here and the centre's word have it.

        None where nothing limits them, or nothing is known yet.
        """

    async def ask(self, caller: Caller, question: Question, asking: Asking) -> Answer:
        """Ask the centre (or the cache) on behalf of a caller; fields the caller may not see are cut.

        Raises:
            Denied: Purpose, service or village is not the caller's.
            GatewayError: Any leaf of `gateway.contract.errors`.
        """

    async def submit(
        self,
        caller: Caller,
        submission: Submission,
        key: str | None,
        *,
        filed_at: float | None = None,
        in_review: bool = False,
    ) -> Receipt:
        """Hand something in to the centre on behalf of a caller; stored, so that it cannot be lost, once this returns.

        Args:
            caller: Who hands it in.
            submission: What.
            key: The caller's Idempotency-Key: a repetition under it gets the first receipt.
            filed_at: The legal filing date (Unix seconds) where it lies before now.
            in_review: It goes to the extension's own desk first.

        Raises:
            IdempotencyKeyMissing: There is no key.
            Invalid: Some fields are wrong; each is named.
            Denied: Service or village is not the caller's.
            IdempotencyMismatch, Conflict: The key, or the `origin_id`, was used for other content.
            Maintenance: Adapter, service or village is switched off here.
            StorageUnavailable: It could not be stored.
        """

    async def attach(
        self, caller: Caller, sha256: str, offset: int, length: int, pieces: AsyncIterator[bytes], until: float
    ) -> int:
        """Take in what follows of a caller's file, for a submission to name; what came is kept, whatever raises.

        Args:
            caller: Whose.
            sha256: Its name: the SHA-256 of its content, hexadecimal.
            offset: Where the pieces begin.
            length: Bytes of the whole file, the same every time.
            pieces: The bytes, such as the body of a streamed route.
            until: Monotonic seconds after which no more is read.

        Returns:
            How many bytes are there now, durably; the whole file once that is `length`.

        Raises:
            Invalid: The name is none, or the file is not what its name says.
            Denied: The caller's right may not hand anything in.
            Conflict: The pieces do not begin where the file ends.
            TooLarge, Unsupported: Its size or kind is not taken.
            TooManyRequests, StorageUnavailable: It could not be kept.
        """

    async def track(self, caller: Caller, submission: str) -> Standing:
        """Where one of the caller's submissions stands; named by its id or receipt number.

        Raises:
            NotFound: There is none, or it is another caller's.
        """

    async def waiting(self) -> tuple[Waiting, ...]:
        """How much waits for the centre, the most urgent class first; classes of which nothing waits are left out."""

    def copies(self) -> int:
        """How many copies hold what is handed in: 2 while a second one on another device is in step, else 1."""

    def centre_status(self) -> tuple[CentreStatus, ...]:
        """How each service of the centre is, since when."""

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run a read of the extension's own tables on a thread; plain values come back, never open cursors.

        Raises:
            StorageUnavailable, Overloaded: The storage cannot serve now.
        """

    async def transaction(self, work: Callable[[sa.Connection], T]) -> T:
        """Run a write of the extension's own tables; it is durable once this returns, or nothing of it was kept.

        `work` acts on nothing but the connection, for it may be run again; it neither commits nor rolls back.

        Raises:
            StorageUnavailable, Overloaded: It was not written, or (`executed` is `unknown`) nobody knows.
        """

    def every(self, job: Job) -> None:
        """Add periodic work after registration; it ends when the extension closes."""

    def on_event(self, observer: Callable[[CentreEvent], object]) -> None:
        """Be told of the centre's events from now on, as by the hook `gateway_centre_event`, until it closes."""

    async def follow_status(self) -> FollowStatus:
        """How far the centre's events are read, and what waits to be told outside."""
