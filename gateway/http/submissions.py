"""The native API's writes: what is handed in, where it stands, and what a caller or an operator does about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from gateway.catalogue.documents import document_id, title_of
from gateway.catalogue.receipts import read_id
from gateway.catalogue.rejections import words_of
from gateway.catalogue.submission_states import LABELS, NEXT_STEPS
from gateway.contract import errors
from gateway.contract.errors import FieldFault, Invalid
from gateway.contract.messages import CentreService, Priority
from gateway.contract.submissions import AttachmentRef, Standing, Subject, Submission, SubmissionState
from gateway.contract.web import CALLER, OPERATOR, Parameter, Response, Route, Rule, Who
from gateway.http import numbers
from gateway.http.freshness import instant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from gateway.contract.submissions import IssuedDocument, Move
    from gateway.contract.web import Request
    from gateway.flows.submit import Submitter
    from gateway.flows.track import Tracker
    from gateway.outbox.outbox import Act

PATH: Final = "/v1/submissions"
ACCEPTED: Final = 202
_ONE: Final = PATH + "/{submission}"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_VILLAGE: Final = re.compile(r"[0-9]{10}", re.ASCII)
_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_KEY = Parameter(
    "Idempotency-Key", "header", "Yours for this one hand-in; a repetition under it gets the first receipt.",
    r"^[\x21-\x7e]{1,200}$", required=True,
)  # fmt: skip
_FILTERS = (
    Parameter("state", "query", "Only those in this state.", "^(" + "|".join(SubmissionState) + ")$"),
    Parameter("service", "query", "Only those of this service.", f"^{_NAME.pattern}$"),
    Parameter("village", "query", "Only those of this village.", f"^{_VILLAGE.pattern}$"),
    Parameter("cursor", "query", "`next` of the page before.", f"^{_ID.pattern}$"),
)

ServiceName = Annotated[str, Meta(min_length=1, max_length=40, description="Service such as `birth`.")]
Form = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"}, description="The service's form.")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="SHA-256, lower-case hexadecimal.")]
Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class SubjectBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom it is about: the family card, else the reporter."""

    no_kk: numbers.NoKk | None = None
    nik: numbers.Nik | None = None


class AttachmentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stored file that belongs to it, and what it shows, as the form's checklist calls it."""

    sha256: Digest
    kind: Annotated[str, Meta(max_length=60)] = ""


class SubmissionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hand something in to the centre."""

    service: ServiceName
    version: Annotated[int, Meta(ge=1, le=1_000, description="Version of the form.")]
    village: numbers.VillageCode
    subject: SubjectBody
    form: Form
    attachments: Annotated[list[AttachmentBody], Meta(max_length=32)] = []
    origin_id: Annotated[
        str | None, Meta(description="Made on the device where it was filled in; counts once across callers.")
    ] = None


class OperatorBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acts, and why; both are kept in the history and shown to the caller. No personal data."""

    operator: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$(?!\n)")]
    reason: Annotated[str, Meta(max_length=200)] = ""


class Words(msgspec.Struct, frozen=True):
    """A text in both languages."""

    id: str
    en: str


class ReceiptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that it is stored.

    Attributes:
        id: The submission's id.
        number: Receipt number, readable over the phone.
        service: Service.
        village: Village code.
        filed_at: The legal filing date, RFC 3339 in UTC.
        state: Where it stands.
        label: The state in plain words.
        next_step: What happens next, or what to do.
    """

    id: str
    number: str
    service: str
    village: str
    filed_at: Instant
    state: SubmissionState
    label: Words
    next_step: Words


class AcceptedAnswer(ReceiptAnswer, frozen=True, kw_only=True):
    """The receipt of a hand-in.

    Attributes:
        copies: How many copies hold it: 2 once a second one on another device does, 1 if the gateway keeps none or
            cannot reach it now.
    """

    copies: Annotated[int, Meta(ge=1, le=2)]


class Entry(ReceiptAnswer, frozen=True, kw_only=True):
    """A submission in a list.

    Attributes:
        state_at: Since when it is in that state.
        reason: Reason of the last move, a stable word or the centre's code; empty for none.
        held: An operator holds it.
        centre_receipt: What the centre calls it; null until the centre has it.
    """

    state_at: Instant
    reason: str
    held: bool
    centre_receipt: str | None


class DocumentAnswer(msgspec.Struct, frozen=True):
    """One document the centre has issued.

    Attributes:
        kind: The centre's name of its kind.
        title: What people call it.
        number: Its number; empty where it has none, or where that is a resident's or family's own: those are looked up.
        receipt: What the centre calls it.
        id: Its id at `/v1/documents/{id}`; null for a card, which is no paper.
    """

    kind: str
    title: Words
    number: str
    receipt: str
    id: str | None


class BandAnswer(msgspec.Struct, frozen=True):
    """When the centre will have it, by the pace of late."""

    soonest: Instant
    latest: Instant


class MoveAnswer(msgspec.Struct, frozen=True):
    """One stored change of its state; `before` is null for the first."""

    number: int
    at: Instant
    before: SubmissionState | None
    after: SubmissionState
    actor: str
    reason: str


class SubmissionAnswer(Entry, frozen=True, kw_only=True):
    """Where a submission stands.

    Attributes:
        class: Class it waits in.
        place: Its place among those of its village and class that wait; null if it does not wait.
        eta: When the centre will have it; null if there is no telling, as while the centre is away.
        rejection: What the centre's reason means and what to do now; null unless it was rejected.
        documents: What the centre has issued of it so far.
        moves: Its history, oldest first.
    """

    priority: Annotated[str, Meta(pattern="^(" + "|".join(one.name.lower() for one in Priority) + ")$")] = (
        msgspec.field(name="class")
    )
    place: Annotated[int, Meta(ge=1)] | None
    eta: BandAnswer | None
    rejection: Words | None
    documents: list[DocumentAnswer]
    moves: list[MoveAnswer]


class SubmissionList(msgspec.Struct, frozen=True):
    """The caller's submissions, newest first; `next` is the cursor of the next page, null at the end."""

    submissions: list[Entry]
    next: str | None


class Submissions:
    """Handlers of the writes.

    Args:
        submitter: Takes them in.
        tracker: Looks after them.
    """

    def __init__(self, submitter: Submitter, tracker: Tracker) -> None:
        self._submitter = submitter
        self._tracker = tracker

    def routes(self) -> tuple[Route, ...]:
        """The routes of callers, then those of operators."""
        return (
            Route(
                "POST", PATH, Rule(Who.CALLER, CentreService.SUBMISSION), self.submit,
                "Hand something in to the centre; stored before it is answered",
                "Ajukan ke pusat; disimpan sebelum dijawab",
                SubmissionBody, AcceptedAnswer,
                (errors.IdempotencyKeyMissing, errors.IdempotencyMismatch, errors.Conflict, errors.Maintenance,
                 errors.StorageUnavailable),
                status=ACCEPTED, parameters=(_KEY,),
            ),
            Route(
                "GET", PATH, CALLER, self.page, "The caller's own submissions, newest first",
                "Pengajuan milik pemanggil, terbaru dahulu",
                answer=SubmissionList, errors=(errors.StorageUnavailable,), parameters=_FILTERS,
            ),
            Route(
                "GET", _ONE, CALLER, self.show, "Where a submission stands, and its history",
                "Keadaan sebuah pengajuan dan riwayatnya",
                answer=SubmissionAnswer, errors=(errors.NotFound, errors.StorageUnavailable),
            ),
            Route(
                "PUT", _ONE, CALLER, self.correct,
                "Correct a submission of which nothing was sent; receipt, filing date and place stay",
                "Perbaiki pengajuan yang belum dikirim; tanda terima, tanggal, dan urutan tetap",
                SubmissionBody, SubmissionAnswer,
                (errors.NotFound, errors.Conflict, errors.StorageUnavailable),
            ),
            Route(
                "DELETE", _ONE, CALLER, self.cancel, "Cancel a submission of which nothing was sent",
                "Batalkan pengajuan yang belum dikirim",
                answer=SubmissionAnswer, errors=(errors.NotFound, errors.Conflict, errors.StorageUnavailable),
            ),
            *self._operators(),
        )  # fmt: skip

    def _operators(self) -> tuple[Route, ...]:
        acts: tuple[tuple[Act, str, str], ...] = (
            ("retry", "Try a submission again now", "Coba lagi sekarang"),
            ("hold", "Keep a submission back", "Tahan sebuah pengajuan"),
            ("release", "Let a held submission go on", "Lepaskan pengajuan yang ditahan"),
        )
        return tuple(
            Route(
                "POST", f"{_ONE}/{act}", OPERATOR, self._acting(act), summary, summary_id, OperatorBody,
                SubmissionAnswer, (errors.NotFound, errors.Conflict, errors.StorageUnavailable),
            )
            for act, summary, summary_id in acts
        )  # fmt: skip

    async def submit(self, request: Request) -> Response:
        """Hand in."""
        body: SubmissionBody = request.body
        key = request.headers.get("idempotency-key")
        receipt = (await self._submitter.submit(request.known_caller(), _submission(body), key)).receipt
        answer = _receipt(Standing(receipt, body.service, body.village, receipt.filed_at))
        return Response.json(answer, status=ACCEPTED, headers=(("location", f"{PATH}/{receipt.id}"),))

    async def page(self, request: Request) -> Response:
        """The caller's own, newest first."""
        wanted = request.query
        if faults := tuple(_query_faults(wanted)):
            raise Invalid(faults=faults)
        state = SubmissionState(wanted["state"]) if "state" in wanted else None
        listed = await self._tracker.page(
            request.known_caller(),
            state=state,
            service=wanted.get("service"),
            village=wanted.get("village"),
            cursor=read_id(wanted.get("cursor", "")),
        )
        return Response.json(SubmissionList([_entry(one) for one in listed.standings], listed.following))

    async def show(self, request: Request) -> Response:
        """Where one of the caller's stands."""
        return _shown(await self._tracker.standing(request.known_caller(), request.path["submission"]))

    async def correct(self, request: Request) -> Response:
        """Put other content in the place of what was handed in."""
        caller, id_ = request.known_caller(), request.path["submission"]
        await self._submitter.correct(caller, id_, _submission(request.body))
        return _shown(await self._tracker.standing(caller, id_))

    async def cancel(self, request: Request) -> Response:
        """End one of the caller's."""
        return _shown(await self._tracker.cancel(request.known_caller(), request.path["submission"]))

    def _acting(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            body: OperatorBody = request.body
            return _shown(await self._tracker.act(request.path["submission"], act, body.operator, body.reason))

        return handler


def _submission(body: SubmissionBody) -> Submission:
    return Submission(
        body.service,
        body.version,
        body.village,
        Subject(body.subject.no_kk, body.subject.nik),
        body.form,
        tuple(AttachmentRef(one.sha256, one.kind) for one in body.attachments),
        body.origin_id,
    )


def _query_faults(query: Mapping[str, str]) -> Iterator[FieldFault]:
    """What is wrong with a filter; one that is not known would show more than was asked for."""
    if not query.keys() <= {parameter.name for parameter in _FILTERS}:
        names = ", ".join(parameter.name for parameter in _FILTERS)
        yield FieldFault("query:", "unknown", f"The query takes {names}.", f"Kueri menerima {names}.")
    for parameter in _FILTERS:
        given = query.get(parameter.name)
        if given is not None and not re.fullmatch(parameter.pattern[1:-1], given, re.ASCII):
            name = parameter.name
            yield FieldFault(f"query:{name}", "pattern", f"{name} is not of that form.", f"{name} tidak sesuai.")


def _shown(standing: Standing) -> Response:
    band, rejection = standing.expected, None
    if standing.receipt.state is SubmissionState.REJECTED:
        said = words_of(standing.reason)
        rejection = Words(said.id, said.en)
    answer = SubmissionAnswer(
        **_told(standing),
        priority=standing.priority.name.lower(),
        place=standing.place,
        eta=None if band is None else BandAnswer(instant(band.soonest), instant(band.latest)),
        rejection=rejection,
        documents=[_document(standing.receipt.id, one) for one in standing.documents],
        moves=[_move(move) for move in standing.moves],
    )
    return Response.json(answer)


def _document(submission: str, document: IssuedDocument) -> DocumentAnswer:
    title = title_of(document.kind)
    id_ = document_id(submission, document.kind, document.receipt)
    shown = numbers.shown_number(document.number)
    return DocumentAnswer(document.kind, Words(title.id, title.en), shown, document.receipt, id_ or None)


def _receipt(standing: Standing) -> AcceptedAnswer:
    told = _told(standing) | {"copies": standing.receipt.copies}
    return AcceptedAnswer(**{name: told[name] for name in AcceptedAnswer.__struct_fields__})


def _entry(standing: Standing) -> Entry:
    return Entry(**_told(standing))


def _told(standing: Standing) -> dict[str, Any]:
    receipt = standing.receipt
    label, step = LABELS[receipt.state], NEXT_STEPS[receipt.state]
    return {
        "id": receipt.id,
        "number": receipt.number,
        "service": standing.service,
        "village": standing.village,
        "filed_at": instant(receipt.filed_at),
        "state": receipt.state,
        "label": Words(label.id, label.en),
        "next_step": Words(step.id, step.en),
        "state_at": instant(standing.state_at),
        "reason": standing.reason,
        "held": standing.held,
        "centre_receipt": standing.centre_receipt,
    }


def _move(move: Move) -> MoveAnswer:
    return MoveAnswer(move.number, instant(move.at), move.before, move.after, move.actor, move.reason)
