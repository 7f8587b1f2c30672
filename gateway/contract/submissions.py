"""What must reach the centre exactly once, and what is told of it.

```
Submission ─► Receipt (given only once it is stored) ─► Move, Move, … ─► an end
```

All values are frozen; times named `*_at` are Unix seconds (UTC).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.contract.messages import Priority


class SubmissionState(StrEnum):
    """Where a submission stands; `gateway.outbox.moves` holds the one table of legal moves.

    | state | who moves it in | who moves it out |
    | --- | --- | --- |
    | `in_review` | an adapter's desk took it | the desk: on to `queued`, or back as `returned`; the caller cancels |
    | `returned` | the desk found it incomplete | the caller hands it in again or cancels; time: `expired` |
    | `queued` | acceptance; a desk; the dispatcher, if the centre certainly has nothing | the dispatcher claims it |
    | `sending` | the dispatcher's claim, fenced by a token | the dispatcher; an expired lease: `unknown` |
    | `unknown` | sent, and nobody knows the end | the dispatcher, once the centre was asked by the reference |
    | `delivered` | the centre has it | the centre's decision |
    | `issued` | the centre: all documents exist | nobody |
    | `rejected` | the centre, with a coded reason | nobody: the applicant files anew |
    | `attention` | too many failures, or refused for good | an operator: retry or cancel; the centre's decision |
    | `cancelled` | the caller or an operator, while nothing was sent | nobody |
    | `expired` | time, out of `returned` | nobody |
    """

    IN_REVIEW = "in_review"
    RETURNED = "returned"
    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    ISSUED = "issued"
    REJECTED = "rejected"
    ATTENTION = "attention"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Subject(msgspec.Struct, frozen=True):
    """Whom a submission is about; submissions about one subject keep their order.

    Attributes:
        no_kk: KK number, 16 digits, or None where there is none yet.
        nik: The reporter's NIK, 16 digits; used where there is no KK number.
    """

    no_kk: str | None = None
    nik: str | None = None

    @property
    def number(self) -> str:
        """The number that counts: the KK's, else the reporter's."""
        return self.no_kk or self.nik or ""


class AttachmentRef(msgspec.Struct, frozen=True):
    """A stored file that belongs to a submission.

    Attributes:
        sha256: Its content's SHA-256, hexadecimal, lower case.
        kind: What it shows, as the form's checklist calls it; empty if the form does not say.
    """

    sha256: str
    kind: str = ""


class Submission(msgspec.Struct, frozen=True):
    """What a caller hands in; personal data, so stored sealed and never logged.

    Attributes:
        service: Service of the centre, such as `birth`.
        version: Version of the service's form.
        village: Undotted ten-digit code of the village it is filed in.
        subject: Whom it is about.
        form: The form, a JSON object, kept to the byte.
        attachments: Stored files that belong to it.
        origin_id: Made on the device where it was filled in; counts once across all callers. None if there is none.
    """

    service: str
    version: int
    village: str
    subject: Subject
    form: msgspec.Raw
    attachments: tuple[AttachmentRef, ...] = ()
    origin_id: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """Proof that a submission is stored; given after the commit only.

    Attributes:
        id: The submission's id (UUIDv7), our reference at the centre.
        number: What people read over the phone: Crockford base32 with a check character.
        filed_at: The legal filing date: the first complete hand-in.
        state: `queued`, or `in_review` where an adapter has a desk.
        copies: How many copies held it when the receipt was given: 2 once a second one on another device does, else 1.
    """

    id: str
    number: str
    filed_at: float
    state: SubmissionState
    copies: int = 1


class Move(msgspec.Struct, frozen=True):
    """One stored change of a submission's state.

    Attributes:
        number: Counted from 1 within the submission.
        at: When.
        before: State until then; None for the first.
        after: State from then on.
        actor: Who: `caller:<id>`, `operator:<name>`, `dispatcher`, `centre`, `gateway`.
        reason: A stable word or the centre's coded reason; empty where the move says it all. No personal data.
    """

    number: int
    at: float
    before: SubmissionState | None
    after: SubmissionState
    actor: str
    reason: str


class SubmissionMoved(msgspec.Struct, frozen=True):
    """A submission changed its state; for observers, without personal data.

    Attributes:
        id: The submission's id.
        caller: Id of the caller who handed it in.
        adapter: Extension it came through, or `native`.
        service: Service of the centre.
        village: Village code.
        move: The move.
    """

    id: str
    caller: str
    adapter: str
    service: str
    village: str
    move: Move


class IssuedDocument(msgspec.Struct, frozen=True):
    """One document of an event, as the centre listed it; `number` and `nik` are personal data.

    Attributes:
        kind: What it is, such as `akta_kelahiran`.
        number: Its number; empty where it has none.
        receipt: What the centre calls it.
        nik: The resident it is about; None where it is about a household or an event.
    """

    kind: str
    number: str
    receipt: str
    nik: str | None = None


class Expected(msgspec.Struct, frozen=True):
    """When the centre will have it, by the pace of late; a band, for nobody knows.

    Attributes:
        soonest: Unix seconds.
        latest: Unix seconds.
    """

    soonest: float
    latest: float


class Standing(msgspec.Struct, frozen=True):
    """Where a submission stands; no personal data but in `documents`.

    Attributes:
        receipt: Its receipt, with the state as it is now.
        service: Service of the centre.
        village: Village code.
        state_at: Since when it is in that state.
        reason: Reason of the last move; empty for none.
        held: An operator holds it.
        centre_receipt: What the centre calls it; None until the centre has it.
        place: Place among those of its village and class that wait; None if it does not wait, or in a list.
        moves: Its moves, oldest first; none in a list.
        priority: Its class.
        expected: When the centre will have it; None if that cannot be said, or in a list.
        documents: What the centre has issued of it so far; none in a list, and once its content was shredded.
    """

    receipt: Receipt
    service: str
    village: str
    state_at: float
    reason: str = ""
    held: bool = False
    centre_receipt: str | None = None
    place: int | None = None
    moves: tuple[Move, ...] = ()
    priority: Priority = Priority.COUNTER
    expected: Expected | None = None
    documents: tuple[IssuedDocument, ...] = ()


class Waiting(msgspec.Struct, frozen=True):
    """How much of one class is not with the centre yet.

    Attributes:
        priority: The class.
        count: Submissions.
        oldest: Legal filing date of the first, Unix seconds.
    """

    priority: Priority
    count: int
    oldest: float
