"""Replies of the centre's write half, read without trust (sans-IO); docs/reference/centre-writes.md describes them.

```
HTTP reply ─► plain, held, found, events, … ─┬─► Held, HeldRecording, EventPage, …   what the centre says
                                             ├─► None                                certainly not there
                                             ├─► Refused                             nothing was taken
                                             ├─► CentreRefusedUs, OutsideHours, QuotaExhausted    executed: no
                                             ├─► Maintenance        status 503                    executed: unknown
                                             ├─► AnotherSubject     about another reference       executed: unknown
                                             └─► CentreMisanswered  everything else               executed: unknown
```

Only a reply of the dialect says anything about what was done. Nothing of a reply ever gets into an error.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

import msgspec

from gateway.centre.wire import AnotherSubject
from gateway.contract.errors import CentreMisanswered, CentreRefusedUs, Maintenance, OutsideHours, QuotaExhausted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.centre.transport import Incoming

_OK, _CREATED, _REFUSALS_FROM, _NOT_FOUND, _BROKEN, _UNAVAILABLE = 200, 201, 400, 404, 500, 503
_REFUSING: Final = frozenset({400, 403, 409, 413, 422})
_REFUSED_US: Final = frozenset({"login_failed", "ip_unknown", "user_inactive", "institution_inactive"})
_LARGEST: Final = 10**15
_DIGITS: Final = 12

Short = Annotated[str, msgspec.Meta(max_length=100)]
Code = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z_]{0,39}$")]
Number = Annotated[str, msgspec.Meta(pattern="^[0-9]{16}$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
State = Literal["accepted", "issued", "rejected"]
RecordingState = Literal["RECEIVED_AT_CENTRAL", "PRINT_READY_RECORD", "DUPLICATE_RECORD", "ENROLL_FAILURE_AT_CENTRAL"]
EventKind = Literal["issued", "rejected", "recording", "change", "death"]
T = TypeVar("T")
H = TypeVar("H", "Held", "HeldRecording")


class Rejection(msgspec.Struct, frozen=True):
    """Why the centre rejected something: a stable code and the centre's own text."""

    code: Code
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""


class CentreDocument(msgspec.Struct, frozen=True):
    """One document of an event; `nik` where it is about one resident."""

    kind: Code
    number: Short
    receipt: Short
    nik: Number | None = None


Documents = Annotated[tuple[CentreDocument, ...], msgspec.Meta(max_length=100)]


class Held(msgspec.Struct, frozen=True):
    """What the centre holds under a reference; moments are in UTC.

    Attributes:
        reference: Our id.
        receipt: The centre's receipt number.
        state: Where it stands.
        accepted_at: When the centre took it in.
        decided_at: When it was decided, None before.
        rejection: Why it was rejected, if it was.
        documents: All documents of the event once it is issued.
    """

    reference: str
    receipt: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    state: State
    accepted_at: Moment
    decided_at: Moment | None = None
    rejection: Rejection | None = None
    documents: Documents = ()


class HeldRecording(msgspec.Struct, frozen=True):
    """What the centre holds of a recording; only `PRINT_READY_RECORD` may print."""

    reference: str
    receipt: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    state: RecordingState
    accepted_at: Moment
    decided_at: Moment | None = None


class Wrong(msgspec.Struct, frozen=True):
    """One wrong field, as the centre names it: JSON pointer and kind of fault."""

    field: Short
    code: Code


class Refused(msgspec.Struct, frozen=True):
    """The centre took nothing, and repeating the same is no use: its code, and every wrong field."""

    code: Code
    fields: Annotated[tuple[Wrong, ...], msgspec.Meta(max_length=1000)] = ()


class CentreEvent(msgspec.Struct, frozen=True):
    """Something that happened at the centre; which of the optional values are there depends on `kind`.

    Attributes:
        seq: Its place among all events.
        at: When it happened.
        kind: `issued` and `rejected` have `reference` and `receipt`; `recording` also `nik` and `state`; `change` and
            `death` have `nik` and `no_kk`. Of a kind not known here nothing else is read.
        elements: Wire names that changed.
        no_kk_before: The KK a resident left.
    """

    seq: Count
    at: Moment
    kind: Code
    reference: Short = ""
    receipt: Short = ""
    documents: Documents = ()
    rejection: Rejection | None = None
    nik: Number | None = None
    no_kk: Number | None = None
    no_kk_before: Number | None = None
    elements: Annotated[tuple[Short, ...], msgspec.Meta(max_length=100)] = ()
    state: RecordingState | None = None

    @property
    def is_whole(self) -> bool:
        """Whether what its kind needs is there."""
        needed: Mapping[str, tuple[object, ...]] = {
            "issued": (self.reference, self.receipt),
            "rejected": (self.reference, self.receipt, self.rejection),
            "recording": (self.reference, self.receipt, self.nik, self.state),
            "change": (self.nik, self.no_kk),
            "death": (self.nik, self.no_kk),
        }
        return all(needed.get(self.kind, ()))


class EventPage(msgspec.Struct, frozen=True):
    """Events after a cursor: the cursor to go on from, and whether more are waiting."""

    events: Annotated[tuple[CentreEvent, ...], msgspec.Meta(max_length=1000)]
    next: Count
    more: bool


class SealingKey(msgspec.Struct, frozen=True):
    """The centre's public key for packets; `key` in base64."""

    key_id: Short
    suite: Short
    key: Annotated[str, msgspec.Meta(max_length=1000)]


class Blangko(msgspec.Struct, frozen=True):
    """Blank cards of a regency."""

    regency: Short
    allocated: Count
    used: Count
    left: Count


class _Refusal(msgspec.Struct, frozen=True):
    error: Refused
    reference: str = ""


def _misanswered(detail: str) -> CentreMisanswered:
    return CentreMisanswered(detail, executed="unknown")


def _decoded(kind: type[T], body: bytes) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _misanswered("The centre's reply is not JSON of the agreed shape.") from None


def plain(kind: type[T], incoming: Incoming) -> T | Refused:
    """A value of `kind`, or the centre's refusal."""
    return _decoded(kind, incoming.body) if incoming.status == _OK else _refused(incoming)


def held(kind: type[H], reference: str, incoming: Incoming) -> H | Refused:
    """What the centre has taken in, or its refusal."""
    if incoming.status not in (_OK, _CREATED):
        return _refused(incoming)
    taken = _decoded(kind, incoming.body)
    if taken.reference != reference:
        raise AnotherSubject(executed="unknown")
    return taken


def found(kind: type[H], reference: str, incoming: Incoming) -> H | None:
    """What the centre holds; only its own word about this very reference means that it is not there."""
    if incoming.status == _OK:
        taken = _decoded(kind, incoming.body)
        if taken.reference == reference:
            return taken
        raise AnotherSubject(executed="unknown")
    refusal = _refusal(incoming)
    if incoming.status != _NOT_FOUND or refusal.error.code != "reference_unknown":
        raise _misanswered(f"The centre replied with HTTP status {incoming.status} to a question after a reference.")
    if refusal.reference != reference:
        raise AnotherSubject(executed="unknown")
    return None


def events(after: int, incoming: Incoming) -> EventPage | Refused:
    """A page whose events follow the cursor, in order, each with what its kind needs."""
    page = plain(EventPage, incoming)
    if isinstance(page, Refused):
        return page
    places = [after, *(event.seq for event in page.events)]
    in_order = all(earlier < later for earlier, later in pairwise(places))
    if not in_order or page.next < places[-1] or (page.more and page.next == after):
        raise _misanswered("The centre's events do not follow the cursor.")
    if not all(event.is_whole for event in page.events):
        raise _misanswered("An event of the centre lacks what its kind needs.")
    return page


def offset(length: int, incoming: Incoming) -> int:
    """Where a blob ends at the centre. A refusal has no body here: the first piece will meet it again."""
    if incoming.status == _OK:
        return _progressed(length, incoming)
    if incoming.status >= _BROKEN:
        _refusal(incoming)
    return 0


def progress(length: int, incoming: Incoming) -> int | Refused:
    """Where a blob ends after a piece."""
    if incoming.status in (_OK, _CREATED):
        return _progressed(length, incoming)
    refused = _refused(incoming)
    return _progressed(length, incoming) if refused.code == "blob_offset" else refused


def _progressed(length: int, incoming: Incoming) -> int:
    said = next((value for name, value in incoming.headers if name.lower() == b"upload-offset"), b"")
    if not (said.isdigit() and len(said) <= _DIGITS and int(said) <= length):
        raise _misanswered("The centre does not tell how much of a blob it has.")
    return int(said)


def _refused(incoming: Incoming) -> Refused:
    refusal = _refusal(incoming)
    if incoming.status not in _REFUSING:
        raise _misanswered(f"The centre replied with HTTP status {incoming.status}.")
    return refusal.error


def _refusal(incoming: Incoming) -> _Refusal:
    """What the centre says instead, where that is not an error of ours.

    Raises:
        Maintenance: Status 503, whoever says so.
        CentreMisanswered: It is not of the dialect.
        GatewayError: It refuses us, the hour or the amount; nothing was done.
    """
    if incoming.status == _UNAVAILABLE:
        raise Maintenance(executed="unknown")
    if not _REFUSALS_FROM <= incoming.status < _BROKEN:
        raise _misanswered(f"The centre replied with HTTP status {incoming.status}.")
    refusal = _decoded(_Refusal, incoming.body)
    code = refusal.error.code
    if code in _REFUSED_US:
        raise CentreRefusedUs(f"{CentreRefusedUs.text()} ({code.replace('_', ' ')})", executed="no")
    if code == "outside_hours":
        raise OutsideHours(executed="no")
    if code == "quota_exhausted":
        raise QuotaExhausted(executed="no")
    return refusal
