"""The native API's documents: where each stands, its prints with their PDFs, spoiled sheets, the day's report."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from gateway.catalogue.document_states import REASONS, STATES
from gateway.catalogue.documents import title_of
from gateway.contract import errors
from gateway.contract.errors import FieldFault, Invalid
from gateway.contract.web import CALLER, OPERATOR, Parameter, Response, Route
from gateway.documents.documents import DocumentState, PrintRequest, Spoiled
from gateway.http import numbers
from gateway.http.freshness import instant
from gateway.http.submissions import Instant, OperatorBody, Words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import tzinfo

    from gateway.contract.messages import Caller
    from gateway.contract.web import Request
    from gateway.documents.documents import Document, Print, Tally
    from gateway.flows.printing import Printing, Shown

PATH: Final = "/v1/documents/{document}"
PRINTS: Final = "/v1/prints"
PDF: Final = "application/pdf"
CREATED: Final = 201
_KEY = Parameter(
    "Idempotency-Key", "header", "Yours for this one act; a repetition under it gets the first answer.",
    r"^[\x21-\x7e]{1,200}$", required=True,
)  # fmt: skip
_DATE: Final = (
    "20(?:[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    "|(?:[02468][048]|[13579][26])-02-29)"
)
_DAY = Parameter("day", "query", "Which day of this century, `yyyy-mm-dd`; today if left out.", f"^{_DATE}$")
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,59}$(?!\n)"

Printer = Annotated[str, Meta(pattern=_NAME, description="The printer, as the desk calls it.")]
Operator = Annotated[str, Meta(pattern=r"^$|^[a-z0-9][a-z0-9._-]{0,39}$(?!\n)", description="Who does it.")]
Sheets = Annotated[int, Meta(ge=1, le=100)]
Reason = Annotated[str, Meta(max_length=200, description="Why; no personal data.")]


class PrintBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Print a document once."""

    printer: Printer
    sheets: Sheets
    reason: Reason = ""
    operator: Operator = ""


class SpoiledBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sheets that came out unusable; `print` names the print they belong to, if any."""

    printer: Printer
    sheets: Sheets
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    operator: Operator = ""
    print_: Annotated[str, Meta(max_length=40)] = msgspec.field(default="", name="print")
    village: Annotated[str, Meta(pattern=r"^$|^[0-9]{10}$(?!\n)")] = ""


class PrintAnswer(msgspec.Struct, frozen=True):
    """A permitted print.

    Attributes:
        id: Its id.
        document: The document's id.
        number: Which print of the document it is, from 1.
        printer: Where.
        sheets: How many sheets.
        operator: Who printed; empty if it was not told.
        reason: Why once more; empty for a first print.
        at: When.
        pdf: Where its PDF is fetched, as often as needed, with the same key.
        until: Until when.
    """

    id: str
    document: str
    number: Annotated[int, Meta(ge=1)]
    printer: str
    sheets: int
    operator: str
    reason: str
    at: Instant
    pdf: str
    until: Instant


class DocumentDetail(msgspec.Struct, frozen=True):
    """A document of the caller's.

    Attributes:
        id: Its id.
        submission: The submission it was issued of.
        kind: The centre's name of its kind.
        title: What people call it.
        number: Its number; empty where that is a resident's or family's own.
        village: Village it is for.
        state: Where it stands.
        label: The same in plain words.
        reason: Why, a stable word or an operator's own; empty for none.
        explained: The reason in plain words; null where there is none to explain.
        since: Since when it is in that state.
        issued_at: When the centre issued it.
        bytes: Length of the PDF; 0 before it is here.
        code: The code it is checked by at `/check/{code}`; null before it is here.
        printed: How often it was printed.
        prints: Its latest prints, the last first.
    """

    id: str
    submission: str
    kind: str
    title: Words
    number: str
    village: str
    state: DocumentState
    label: Words
    reason: str
    explained: Words | None
    since: Instant
    issued_at: Instant
    bytes: Annotated[int, Meta(ge=0)]
    code: str | None
    printed: Annotated[int, Meta(ge=0)]
    prints: list[PrintAnswer]


class SpoiledAnswer(msgspec.Struct, frozen=True):
    """Spoiled sheets, written down."""

    id: str
    village: str
    printer: str
    sheets: int
    at: Instant


class TallyAnswer(msgspec.Struct, frozen=True):
    """One line of a report; `reprints` are among `prints`, `spoiled` beside `sheets`."""

    village: str
    printer: str
    prints: int
    reprints: int
    sheets: int
    spoiled: int


class ReportAnswer(msgspec.Struct, frozen=True):
    """What the caller printed and spoiled on a day, by village and printer."""

    day: Annotated[str, Meta(extra_json_schema={"format": "date"})]
    lines: list[TallyAnswer]


class DocumentRoutes:
    """Handlers of documents.

    Args:
        printing: Looks after them.
        alignment: Gives the page on which a printer's margins are seen.
        receipt: Gives the signed receipt of a caller's submission.
        now: Unix seconds.
        zone: Zone in which a day begins and ends.
    """

    def __init__(
        self,
        printing: Printing,
        alignment: Callable[[], Awaitable[bytes]],
        receipt: Callable[[Caller, str], Awaitable[bytes]],
        now: Callable[[], float],
        zone: tzinfo,
    ) -> None:
        self._printing = printing
        self._alignment = alignment
        self._receipt = receipt
        self._now = now
        self._zone = zone

    def routes(self) -> tuple[Route, ...]:
        """The routes of callers, then those of operators."""
        idempotent = (errors.IdempotencyKeyMissing, errors.IdempotencyMismatch, errors.NotFound)
        broken = (errors.StorageUnavailable,)
        return (
            Route(
                "GET", PATH, CALLER, self.show, "Where a document stands, and its prints",
                "Keadaan sebuah dokumen dan cetakannya",
                answer=DocumentDetail, errors=(errors.NotFound, *broken),
            ),
            Route(
                "POST", f"{PATH}/prints", CALLER, self.print_,
                "Print a document once; a reprint needs a reason. The PDF is fetched at the link it gives",
                "Cetak dokumen sekali; cetak ulang perlu alasan. PDF diambil dari tautan jawabannya",
                PrintBody, PrintAnswer, (*idempotent, errors.Conflict, *broken), status=CREATED, parameters=(_KEY,),
            ),
            Route(
                "GET", f"{PATH}/prints/{{print}}/pdf", CALLER, self.pdf, "The signed PDF of a print, for a while",
                "PDF bertanda tangan dari sebuah cetakan, untuk sementara waktu",
                errors=(errors.NotFound, errors.Conflict, *broken), content_type=PDF,
            ),
            Route(
                "POST", f"{PRINTS}/spoiled", CALLER, self.spoil, "Tell of sheets that came out unusable",
                "Catat lembar yang rusak", SpoiledBody, SpoiledAnswer, (*idempotent, *broken), status=CREATED,
                parameters=(_KEY,),
            ),
            Route(
                "GET", f"{PRINTS}/report", CALLER, self.report, "What the caller printed and spoiled on a day",
                "Yang dicetak dan rusak pada suatu hari", answer=ReportAnswer, errors=broken, parameters=(_DAY,),
            ),
            Route(
                "GET", f"{PRINTS}/alignment", CALLER, self.align, "A page on which a printer's margins are seen",
                "Halaman uji tepi cetak", content_type=PDF,
            ),
            Route(
                "GET", "/v1/submissions/{submission}/receipt", CALLER, self.receipt,
                "The receipt of a submission on paper: signed, with a code for /check, without personal data",
                "Tanda terima pengajuan untuk dicetak: bertanda tangan, berkode untuk /check, tanpa data pribadi",
                errors=(errors.NotFound, *broken), content_type=PDF,
            ),
            *self._operators(),
        )  # fmt: skip

    def _operators(self) -> tuple[Route, ...]:
        refusals = (errors.NotFound, errors.Conflict, errors.StorageUnavailable)
        return (
            Route(
                "POST", f"{PATH}/refetch", OPERATOR, self.refetch, "Fetch a refused document once more",
                "Ambil ulang dokumen yang ditolak", OperatorBody, DocumentDetail, refusals,
            ),
            Route(
                "POST", f"{PATH}/void", OPERATOR, self.void, "Have a document hold no more",
                "Nyatakan dokumen tidak berlaku", OperatorBody, DocumentDetail, refusals,
            ),
        )  # fmt: skip

    async def show(self, request: Request) -> Response:
        """One of the caller's."""
        return self._shown(await self._printing.show(request.known_caller(), request.path["document"]))

    async def print_(self, request: Request) -> Response:
        """Permit one print."""
        body: PrintBody = request.body
        asked = PrintRequest(request.path["document"], body.printer, body.sheets, body.operator, body.reason.strip())
        made = await self._printing.print_(request.known_caller(), asked, _key_of(request))
        answer = self._print(made)
        return Response.json(answer, status=CREATED, headers=(("location", answer.pdf),))

    async def pdf(self, request: Request) -> Response:
        """The PDF of a print, whole: what was cut is fetched again."""
        path = request.path
        document, pdf = await self._printing.pdf(request.known_caller(), path["document"], path["print"])
        name = f'inline; filename="{document.kind}-{document.id[:8]}.pdf"'
        return Response(pdf, content_type=PDF, headers=(("content-disposition", name),))

    async def spoil(self, request: Request) -> Response:
        """Write down spoiled sheets."""
        body: SpoiledBody = request.body
        caller = request.known_caller()
        told = Spoiled(
            "", caller.id, body.village, body.printer, body.sheets, body.operator, body.reason.strip(), body.print_, 0.0
        )
        spoiled = await self._printing.spoil(caller, told, _key_of(request))
        told_back = (spoiled.id, spoiled.village, spoiled.printer, spoiled.sheets, instant(spoiled.at))
        return Response.json(SpoiledAnswer(*told_back), status=CREATED)

    async def report(self, request: Request) -> Response:
        """The caller's day."""
        day = _day_of(request, datetime.fromtimestamp(self._now(), self._zone).date())
        lines = await self._printing.report(request.known_caller(), *bounds_of(day, self._zone))
        return Response.json(ReportAnswer(day.isoformat(), [_tally(line) for line in lines]))

    async def align(self, _request: Request) -> Response:
        """The page for margins."""
        return Response(await self._alignment(), content_type=PDF)

    async def receipt(self, request: Request) -> Response:
        """The receipt of one of the caller's submissions."""
        pdf = await self._receipt(request.known_caller(), request.path["submission"])
        return Response(pdf, content_type=PDF)

    async def refetch(self, request: Request) -> Response:
        """An operator has one fetched again."""
        body: OperatorBody = request.body
        return self._detail(await self._printing.refetch(request.path["document"], body.operator))

    async def void(self, request: Request) -> Response:
        """An operator ends one."""
        body: OperatorBody = request.body
        return self._detail(await self._printing.void(request.path["document"], body.operator, body.reason))

    def _shown(self, shown: Shown) -> Response:
        secrets = shown.secrets
        number = "" if secrets is None else secrets.number
        return self._detail(shown.document, number, None if secrets is None else secrets.code or None, shown.prints)

    def _detail(self, document: Document, number: str = "", code: str | None = None, prints: Any = ()) -> Response:
        title, label, why = title_of(document.kind), STATES[document.state], REASONS.get(document.reason)
        answer = DocumentDetail(
            document.id, document.submission, document.kind, Words(title.id, title.en), numbers.shown_number(number),
            document.village, document.state, Words(label.id, label.en), document.reason,
            None if why is None else Words(why.id, why.en), instant(document.state_at), instant(document.issued_at),
            document.length, code, document.prints, [self._print(one) for one in prints],
        )  # fmt: skip
        return Response.json(answer)

    def _print(self, one: Print) -> PrintAnswer:
        link = f"{PATH.format(document=one.document)}/prints/{one.id}/pdf"
        until = one.at + self._printing.link_seconds
        return PrintAnswer(
            one.id, one.document, one.number, one.printer, one.sheets, one.operator, one.reason, instant(one.at),
            link, instant(until),
        )  # fmt: skip


def bounds_of(day: date, zone: tzinfo) -> tuple[float, float]:
    """When a day begins and ends in a zone, Unix seconds."""
    begins, ends = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    return begins.timestamp(), ends.timestamp()


def _tally(line: Tally) -> TallyAnswer:
    return TallyAnswer(*msgspec.structs.astuple(line))


def _key_of(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if key and not re.fullmatch(_KEY.pattern[1:-1], key, re.ASCII):
        raise Invalid(faults=(_BAD_KEY,))
    return key


def _day_of(request: Request, today: date) -> date:
    given = request.query.get("day")
    if request.query.keys() - {"day"} or (given is not None and not re.fullmatch(_DATE, given, re.ASCII)):
        raise Invalid(faults=(_BAD_DAY,))
    return today if given is None else date.fromisoformat(given)


_BAD_KEY = FieldFault(
    "header:idempotency-key",
    "pattern",
    "Idempotency-Key has 1 to 200 visible ASCII characters.",
    "Idempotency-Key terdiri atas 1 sampai 200 karakter ASCII.",
)
_BAD_DAY = FieldFault("query:day", "pattern", "day is a date, yyyy-mm-dd.", "day harus tanggal, yyyy-mm-dd.")
