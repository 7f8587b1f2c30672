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
_MOST_EVENTS: Final = 1_000
_JUNK: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

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


class SkippedEvent(msgspec.Struct, frozen=True):
    """An event that was left out of a page.

    Attributes:
        seq: Its place; None if it has none that can be read.
        reason: `unreadable`, `incomplete` (it lacks what its kind needs), or `backwards` (it does not follow).
    """

    seq: int | None
    reason: Literal["unreadable", "incomplete", "backwards"]


class EventPage(msgspec.Struct, frozen=True):
    """Events after a cursor, in order.

    Attributes:
        events: Those that can be used.
        next: The cursor to go on from; never before the last event.
        more: More are waiting.
        skipped: Those that cannot be used.
    """

    events: tuple[CentreEvent, ...]
    next: int
    more: bool
    skipped: tuple[SkippedEvent, ...] = ()


class _RawPage(msgspec.Struct, frozen=True):
    events: list[msgspec.Raw]
    next: object
    more: bool


class _Placed(msgspec.Struct, frozen=True):
    seq: Count


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


_read_event = msgspec.json.Decoder(CentreEvent).decode
_read_place = msgspec.json.Decoder(_Placed).decode


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
    """A page of what follows the cursor. What cannot be used is left out and named, so that it stops nothing.

    Raises:
        CentreMisanswered: It is no page at all, or it promises more without getting any further.
    """
    page = plain(_RawPage, incoming)
    if isinstance(page, Refused):
        return page
    good: list[CentreEvent] = []
    skipped: list[SkippedEvent] = []
    place = after
    for raw in page.events[:_MOST_EVENTS]:
        seq, event = _event(raw)
        if seq is None or seq <= place:
            skipped.append(SkippedEvent(seq, "unreadable" if seq is None else "backwards"))
            continue
        place = seq
        if event is not None and event.is_whole:
            good.append(event)
        else:
            skipped.append(SkippedEvent(seq, "unreadable" if event is None else "incomplete"))
    is_cut = len(page.events) > _MOST_EVENTS
    says_next = not is_cut and type(page.next) is int and place <= page.next <= _LARGEST
    upto = page.next if says_next and isinstance(page.next, int) else place
    more = is_cut or page.more
    if more and upto == after:
        raise _misanswered("The centre's events do not follow the cursor.")
    return EventPage(tuple(good), upto, more, tuple(skipped))


def _event(raw: msgspec.Raw) -> tuple[int | None, CentreEvent | None]:
    """The place and the content of an event, each None where it cannot be read."""
    try:
        event = _read_event(raw)
    except _JUNK:
        try:
            return _read_place(raw).seq, None
        except _JUNK:
            return None, None
    return event.seq, event


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


def document(receipt: str, incoming: Incoming) -> bytes | None:
    """A document's bytes; only the centre's own word about this very receipt means that there is none."""
    if incoming.status == _OK:
        if incoming.content_type.partition(";")[0].strip().lower() != "application/pdf":
            raise _misanswered("The centre's reply is not a PDF.")
        return incoming.body
    refusal = _refusal(incoming)
    if incoming.status != _NOT_FOUND or refusal.error.code != "document_unknown":
        raise _misanswered(f"The centre replied with HTTP status {incoming.status} to a question after a document.")
    if refusal.reference != receipt:
        raise AnotherSubject(executed="unknown")
    return None


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
