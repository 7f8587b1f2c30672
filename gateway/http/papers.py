"""Which papers services need today in a village: what a form's checklist shows before anything is handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gateway.catalogue import regions
from gateway.catalogue.forms.requirements import kinds, required
from gateway.catalogue.forms.services import SERVICES
from gateway.contract.errors import FieldFault, Invalid
from gateway.contract.web import CALLER, Parameter, Response, Route
from gateway.http.submissions import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from gateway.catalogue.forms.requirements import Profile, Requirement
    from gateway.contract.web import Request

PATH: Final = "/v1/papers"
_FILTERS = (
    Parameter("service", "query", "Only what this service needs.", f"^({'|'.join(SERVICES)})$"),
    Parameter("village", "query", "Where it is filed; left out, what the whole nation requires.", "^[0-9]{10}$"),
)
_UNKNOWN = {
    "service": ("There is no such service.", "Layanan ini tidak dikenal."),
    "village": ("The village code is not in the list of villages.", "Kode desa/kelurahan tidak ada di daftar."),
}


class PaperKind(msgspec.Struct, frozen=True):
    """A kind of attachment, and what people call it."""

    kind: str
    title: Words


class Paper(msgspec.Struct, frozen=True):
    """One paper that must be attached.

    Attributes:
        name: Its name within the service.
        any_of: Kinds any of which will do.
        number: Field of the form whose number spares it; null if none does.
        since: First day of filing it holds for.
        until: Last day; null while it holds.
        source: Where it is written.
    """

    name: str
    any_of: list[PaperKind]
    number: str | None
    since: str
    until: str | None
    source: str


class ServicePapers(msgspec.Struct, frozen=True):
    """What must be attached to a form of a service."""

    service: str
    papers: list[Paper]


class Papers(msgspec.Struct, frozen=True):
    """What forms that are first handed in on this day must bring along."""

    day: str
    services: list[ServicePapers]


class Requirements:
    """The handler.

    Args:
        profiles: The national base and the regions' own.
        today: The legal day.
    """

    def __init__(self, profiles: Sequence[Profile], today: Callable[[], date]) -> None:
        self._profiles = profiles
        self._today = today

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        return (
            Route(
                "GET", PATH, CALLER, self.papers, "Papers that each service needs today, in a village",
                "Lampiran yang diperlukan tiap layanan hari ini, di sebuah desa",
                answer=Papers, parameters=_FILTERS,
            ),
        )  # fmt: skip

    async def papers(self, request: Request) -> Response:
        """What must be attached."""
        query, day = request.query, self._today()
        if faults := tuple(_faults(query)):
            raise Invalid(faults=faults)
        chosen = [query["service"]] if "service" in query else list(SERVICES)
        needed = {one: required(one, query.get("village", ""), day, self._profiles) for one in chosen}
        told = [ServicePapers(service, [_paper(one) for one in many]) for service, many in needed.items()]
        return Response.json(Papers(day.isoformat(), told))


def _faults(query: Mapping[str, str]) -> Iterator[FieldFault]:
    """What in a query is nothing we know; left alone, it would pass for a service that needs nothing."""
    wrong = [name for name in query if name not in _UNKNOWN]
    if wrong:
        yield FieldFault("query:", "unknown", "The query takes service, village.", "Kueri menerima service, village.")
    if query.get("service", "birth") not in SERVICES:
        yield FieldFault("query:service", "unknown_service", *_UNKNOWN["service"])
    if "village" in query and regions.village(query["village"]) is None:
        yield FieldFault("query:village", "unknown_village", *_UNKNOWN["village"])


def _paper(one: Requirement) -> Paper:
    titles = [(kind, kinds()[kind]) for kind in one.any_of]
    return Paper(
        one.name,
        [PaperKind(kind, Words(title.id, title.en)) for kind, title in titles],
        one.number or None,
        one.since.isoformat(),
        None if one.until is None else one.until.isoformat(),
        one.source,
    )
