"""The write half of the centre's dialect, spoken here and nowhere else; docs/reference/centre-writes.md describes it.

```
submit, find, put_blob, record, find_recording, key, events, document, blangko
   └─► Trip ─► limiter ─► breaker ─► exchange ─► reply ─┬─► Held, EventPage, …    what the centre says
                                                        ├─► None                  certainly not there
                                                        ├─► Refused               nothing was taken, repeating is no use
                                                        └─► GatewayError          executed: no | unknown
```

Nothing here is tried again, remembered or joined: what is sent twice may be done twice. `write_replies` reads what
comes back.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from gateway.centre.client import limits_of, log_failure
from gateway.centre.link import travel
from gateway.centre.transport import CentreTransport, Outgoing
from gateway.centre.wire import AnotherSubject
from gateway.centre.wire_requests import trace_headers
from gateway.centre.write_replies import (
    Blangko,
    Held,
    HeldRecording,
    Refused,
    SealingKey,
    document,
    events,
    found,
    held,
    offset,
    plain,
    progress,
)
from gateway.contract.errors import CentreMisanswered, CentreRefusedUs, CentreTimeout, Denied
from gateway.contract.messages import CentreService

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.centre.account import Account
    from gateway.centre.breaker import Breaker
    from gateway.centre.limiter import Limiter
    from gateway.centre.link import Travelling, Trip
    from gateway.centre.transport import Incoming
    from gateway.centre.write_replies import EventPage
    from gateway.contract.host import Clock
    from gateway.settings.centre import CentreSettings

PIECE: Final = 262_144
"""Bytes of a blob sent at once."""

EVENTS: Final = 500
"""Events asked for at once."""

_REFERENCE: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_RECEIPT: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
_REGENCY: Final = re.compile(r"[0-9]{4}")
_JSON: Final = (("Content-Type", "application/json"),)
_BYTES: Final = ("Content-Type", "application/octet-stream")
T = TypeVar("T")
H = TypeVar("H", Held, HeldRecording)


class CentreSubmission(msgspec.Struct, frozen=True):
    """What is handed in; the same values every time it is sent, or the centre takes it for something else.

    Attributes:
        reference: Our id, 8 to 64 of `A-Z a-z 0-9 . _ -`.
        service: The centre's name of the service, such as `birth`.
        version: Version of the form.
        village: Ten digits.
        subject: KK number, else the reporter's NIK.
        filed_at: The legal filing date, Unix seconds.
        form: JSON-ready form.
        attachments: SHA-256 of blobs that are at the centre, lower-case hexadecimal.
    """

    reference: str
    service: str
    version: int
    village: str
    subject: str
    filed_at: float
    form: dict[str, Any]
    attachments: tuple[str, ...] = ()


class CentreRecording(msgspec.Struct, frozen=True):
    """A recording whose packet, sealed to the key `key_id`, is at the centre as the blob `packet`."""

    reference: str
    village: str
    key_id: str
    packet: str


class CentreWrites:
    """Hands in and asks after; each exchange passes the limiter and the breaker of the live path, and no other link.

    Args:
        settings: Where the centre is.
        accounts: Accounts by right; a reload changes this mapping in place.
        limiter: The live path's.
        breaker: The live path's.
        clock: The gateway's clock.
    """

    def __init__(
        self,
        settings: CentreSettings,
        accounts: Mapping[str, Account],
        limiter: Limiter,
        breaker: Breaker,
        clock: Clock,
    ) -> None:
        self._base = settings.url
        self._host = settings.url.partition("://")[2]
        self._accounts = accounts
        self._limiter = limiter
        self._breaker = breaker
        self._clock = clock
        self._transport = CentreTransport(limits_of(settings), ca_file=settings.ca_file)

    async def open(self) -> None:
        """Make the pool of connections ready; nothing is sent.

        Raises:
            OSError: The CA file cannot be read or holds no certificate.
        """
        await self._transport.open()

    async def close(self) -> None:
        """Close all connections; exchanges under way fail."""
        await self._transport.aclose()

    async def submit(self, trip: Trip, submission: CentreSubmission) -> Held | Refused:
        """Hand in a submission; what the centre holds under its reference from now on, or had held before.

        Raises:
            Denied: The right has no account at the centre.
            GatewayError: `executed` is `no` if it was certainly not taken in; else `find` before sending again.
        """
        filed_at = datetime.fromtimestamp(submission.filed_at, UTC).isoformat().replace("+00:00", "Z")
        body = {**msgspec.structs.asdict(submission), "filed_at": filed_at}
        read = partial(held, Held, submission.reference)
        return await self._exchange(
            trip, CentreService.SUBMISSION, "POST", "/siak/submissions", read, msgspec.json.encode(body), _JSON
        )

    async def find(self, trip: Trip, reference: str) -> Held | None:
        """What the centre holds under a reference; None if it is certainly not there.

        Raises:
            GatewayError: It cannot be told.
        """
        return await self._find(trip, CentreService.SUBMISSION, Held, "/siak/submissions/", reference)

    async def record(self, trip: Trip, recording: CentreRecording) -> HeldRecording | Refused:
        """Hand in a recording.

        Raises:
            GatewayError: As `submit`.
        """
        read = partial(held, HeldRecording, recording.reference)
        return await self._exchange(
            trip, CentreService.RECORDING, "POST", "/siak/recordings", read, msgspec.json.encode(recording), _JSON
        )

    async def find_recording(self, trip: Trip, reference: str) -> HeldRecording | None:
        """What the centre holds of a recording; None if it is certainly not there.

        Raises:
            GatewayError: It cannot be told.
        """
        return await self._find(trip, CentreService.RECORDING, HeldRecording, "/siak/recordings/", reference)

    async def put_blob(
        self, trip: Trip, sha256: str, length: int, read: Callable[[int, int], Awaitable[bytes]]
    ) -> Refused | None:
        """Bring a blob to the centre, from where it ends there; None once it is complete.

        Args:
            trip: For whom and until when, all pieces together.
            sha256: Its name, lower-case hexadecimal.
            length: Bytes of it.
            read: Gives the bytes from an offset, as many as wanted.

        Raises:
            GatewayError: A piece did not get through; what is there already stays there.
        """
        target = f"/siak/blobs/{_checked(_DIGEST, sha256)}"
        service = CentreService.SUBMISSION
        at = await self._exchange(trip, service, "HEAD", target, partial(offset, length))
        while at < length:
            headers = (_BYTES, ("Upload-Offset", str(at)), ("Upload-Length", str(length)))
            piece = await read(at, min(PIECE, length - at))
            after = await self._exchange(trip, service, "PUT", target, partial(progress, length), piece, headers)
            if isinstance(after, Refused):
                return after
            if after <= at:
                raise CentreMisanswered("The centre's copy of a blob does not grow.", executed="unknown")
            at = after
        return None

    async def events(self, trip: Trip, after: int, limit: int = EVENTS) -> EventPage | Refused:
        """What happened since a cursor (0 for the beginning); `Refused` as `cursor_unknown` if it is none.

        Raises:
            GatewayError: It cannot be told.
        """
        target = f"/siak/events?after={after}&limit={limit}"
        return await self._exchange(trip, CentreService.EVENTS, "GET", target, partial(events, after))

    async def document(self, trip: Trip, receipt: str) -> bytes | None:
        """The signed PDF of a document, whatever it holds; None if the centre knows none of this receipt.

        It may have as many bytes as any reply of the centre (`centre.max_response_bytes`).

        Raises:
            GatewayError: It could not be fetched.
        """
        target = f"/siak/documents/{_checked(_RECEIPT, receipt)}"
        return await self._exchange(trip, CentreService.SUBMISSION, "GET", target, partial(document, receipt))

    async def key(self, trip: Trip) -> SealingKey | Refused:
        """The public key that packets of recordings are sealed to.

        Raises:
            GatewayError: It cannot be told.
        """
        return await self._exchange(trip, CentreService.RECORDING, "GET", "/siak/key", partial(plain, SealingKey))

    async def blangko(self, trip: Trip, regency: str) -> Blangko | Refused:
        """Blank cards of a regency (four digits).

        Raises:
            GatewayError: It cannot be told.
        """
        target = f"/siak/blangko/{_checked(_REGENCY, regency)}"
        return await self._exchange(trip, CentreService.EVENTS, "GET", target, partial(plain, Blangko))

    async def _find(self, trip: Trip, service: CentreService, kind: type[H], path: str, reference: str) -> H | None:
        target = path + _checked(_REFERENCE, reference)
        return await self._exchange(trip, service, "GET", target, partial(found, kind, reference))

    async def _exchange(
        self,
        trip: Trip,
        service: CentreService,
        method: str,
        target: str,
        read: Callable[[Incoming], T],
        body: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> T:
        """One exchange through limiter and breaker; its reply read within them, so that both learn what it says."""
        travelling = travel(trip, service)
        account = self._accounts.get(trip.right)
        if account is None:
            raise Denied("The right has no account at the centre.")

        async def go() -> T:
            seconds = trip.deadline - self._clock.monotonic()
            if seconds <= 0:
                raise CentreTimeout(executed="no")
            told = self._headers(account, trip) + headers
            outgoing = Outgoing(method, self._base, target, told, body)
            return self._read(travelling, read, await self._transport.exchange(outgoing, seconds))

        return await self._limiter.admit(travelling, partial(self._breaker.guard, travelling, go))

    def _headers(self, account: Account, trip: Trip) -> tuple[tuple[str, str], ...]:
        credentials = f"{account.user_id}:{account.password_at(self._clock.now())}".encode()
        return (
            ("Host", self._host),
            ("Accept", "application/json"),
            ("Authorization", f"Basic {base64.b64encode(credentials).decode()}"),
            ("X-IP-User", account.ip_user),
            *trace_headers(trip.traceparent),
        )

    def _read(self, travelling: Travelling, read: Callable[[Incoming], T], incoming: Incoming) -> T:
        try:
            return read(incoming)
        except AnotherSubject as error:
            self._transport.retire()
            log_failure("centre.reply.about_another", travelling, error)
            raise
        except CentreMisanswered as error:
            log_failure("centre.reply.unreadable", travelling, error)
            raise
        except CentreRefusedUs as error:
            log_failure("centre.account.refused", travelling, error)
            raise


def _checked(pattern: re.Pattern[str], text: str) -> str:
    """A part of an address, or `ValueError`: it would change the shape of the address."""
    if not pattern.fullmatch(text):
        raise ValueError("not a part of an address at the centre")
    return text
