"""The native API's reads: residents and family cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.catalogue.fields import VERIFY_ELEMENTS
from gateway.contract import errors
from gateway.contract.errors import FieldFault, Invalid
from gateway.contract.host import Asking
from gateway.contract.messages import CentreService, Question
from gateway.contract.web import Response, Route, Rule, Who
from gateway.flows import views
from gateway.flows.memo import Memo
from gateway.http import numbers
from gateway.http.freshness import freshness_headers, freshness_of, instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.messages import Answer, Reply
    from gateway.contract.web import Request
    from gateway.flows.ask import Asker

_ASK_ERRORS = (
    errors.NotFound,
    errors.QuotaExhausted,
    errors.CentreMisanswered,
    errors.CentreUnreachable,
    errors.CentreUnavailable,
    errors.Maintenance,
    errors.OutsideHours,
    errors.CentreRefusedUs,
    errors.CentreTimeout,
)
_encode = msgspec.json.Encoder().encode

Elements = msgspec.defstruct(
    "Elements",
    [
        (
            name,
            {
                "NO_KK": numbers.NoKk,
                "TGL_LHR": numbers.IsoDate,
            }.get(name, numbers.Digits if name.startswith("NO_") else numbers.Text)
            | msgspec.UnsetType,
            msgspec.UNSET,
        )
        for name in VERIFY_ELEMENTS
    ],
    frozen=True,
    forbid_unknown_fields=True,
    module=__name__,
)
Elements.__doc__ = "Elements to compare, by wire name; at least one. Dates are yyyy-mm-dd."


class ResidentLookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for one resident's biodata."""

    nik: numbers.Nik
    purpose: numbers.PurposeCode
    village: numbers.VillageCode | None = None


class ResidentVerify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Compare what a resident says with what the centre holds."""

    nik: numbers.Nik
    purpose: numbers.PurposeCode
    elements: Annotated[Elements, Meta(extra_json_schema={"minProperties": 1})]  # type: ignore[valid-type] # built from the catalogue
    threshold: numbers.Threshold = 90
    village: numbers.VillageCode | None = None


class FamilyCardLookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for the members of a family card."""

    no_kk: numbers.NoKk
    purpose: numbers.PurposeCode
    village: numbers.VillageCode | None = None


Status = Literal["active", "deceased", "duplicate", "inactive"]
Record = Annotated[
    dict[str, str | None], Meta(description="Granted fields by wire name; null where the centre holds nothing.")
]


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer says of its age.

    Attributes:
        as_of: When the centre said it, RFC 3339 in UTC.
        source: `centre` if it was asked just now, else `cache`.
        age_seconds: Age when handed out.
    """

    as_of: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    source: Literal["centre", "cache"]
    age_seconds: Annotated[float, Meta(ge=0)]


class ResidentAnswer(Dated, frozen=True, kw_only=True):
    """A resident; no biodata unless the status is `active`."""

    status: Status
    resident: Record | None


class VerifyAnswer(Dated, frozen=True, kw_only=True):
    """Outcome per element; never the stored value."""

    status: Status
    elements: dict[str, views.Match]


class FamilyCardAnswer(Dated, frozen=True, kw_only=True):
    """The members of a family card, as far as the right grants."""

    status: Status
    members: list[Record]


class Residents:
    """Handlers of the reads.

    Args:
        asker: The verb behind them.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._memo: Memo[bytes] = Memo()

    def routes(self) -> tuple[Route, ...]:
        """The reads as routes."""
        return (
            Route(
                "POST",
                "/v1/residents/lookup",
                Rule(Who.CALLER, CentreService.BIODATA),
                self.lookup,
                "Biodata that the caller's right grants",
                "Biodata sesuai hak akses",
                ResidentLookup,
                ResidentAnswer,
                _ASK_ERRORS,
            ),
            Route(
                "POST",
                "/v1/residents/verify",
                Rule(Who.CALLER, CentreService.VERIFY),
                self.verify,
                "Match per element, never the stored value",
                "Kecocokan tiap elemen, tanpa membuka data",
                ResidentVerify,
                VerifyAnswer,
                _ASK_ERRORS,
            ),
            Route(
                "POST",
                "/v1/family-cards/lookup",
                Rule(Who.CALLER, CentreService.FAMILY_CARD),
                self.family_card,
                "Members of a family card",
                "Anggota keluarga pada KK",
                FamilyCardLookup,
                FamilyCardAnswer,
                _ASK_ERRORS,
            ),
        )

    async def lookup(self, request: Request) -> Response:
        """Biodata."""
        body: ResidentLookup = request.body
        return await self._answer(request, Question(CentreService.BIODATA, body.nik), _resident)

    async def family_card(self, request: Request) -> Response:
        """Members of a family card."""
        body: FamilyCardLookup = request.body
        return await self._answer(request, Question(CentreService.FAMILY_CARD, body.no_kk), _family)

    async def verify(self, request: Request) -> Response:
        """Match per element."""
        body: ResidentVerify = request.body
        elements = tuple(sorted(_elements(body.elements)))
        if not elements:
            raise Invalid(
                faults=(
                    FieldFault(
                        "/elements", "minProperties", "elements must name at least one.", "elements harus diisi."
                    ),
                )
            )
        question = Question(CentreService.VERIFY, body.nik, elements, body.threshold)
        return await self._answer(request, question, _verified)

    async def _answer(self, request: Request, question: Question, view: Callable[[Reply], bytes]) -> Response:
        body = request.body
        asking = Asking(
            body.purpose,
            body.village,
            request.deadline,
            freshness_of(request.headers),
            request.request_id,
            request.traceparent,
        )
        outcome = await self._asker.ask(request.known_caller(), question, asking)
        answer = outcome.answer
        shown = self._memo.of(answer.reply, None, view)
        return Response(_dated(shown, answer), headers=(*freshness_headers(answer), *outcome.headers))


def _elements(given: msgspec.Struct) -> list[tuple[str, str]]:
    found = [(name, getattr(given, name)) for name in VERIFY_ELEMENTS]
    return [(name, _on_the_wire(name, value)) for name, value in found if value is not msgspec.UNSET]


def _on_the_wire(name: str, value: str) -> str:
    return "-".join(reversed(value.split("-"))) if name == "TGL_LHR" else value


def _resident(reply: Reply) -> bytes:
    return _encode({"status": reply.fate, "resident": views.resident(reply)})


def _family(reply: Reply) -> bytes:
    return _encode({"status": reply.fate, "members": views.members(reply)})


def _verified(reply: Reply) -> bytes:
    return _encode({"status": reply.fate, "elements": views.matches(reply)})


def _dated(shown: bytes, answer: Answer) -> bytes:
    dates = f',"as_of":"{instant(answer.as_of)}","source":"{answer.source}","age_seconds":{answer.age_seconds:.3f}}}'
    return shown[:-1] + dates.encode("ascii")
