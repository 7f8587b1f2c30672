"""The receipt of a submission on paper: one page without personal data, with a code that says it is genuine.

It is provisional by its nature: it proves that something was handed in, and when, until the document itself is there.
The code of a submission's receipt is always the same one, so a receipt printed again is the same receipt.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog

from gateway.catalogue import regions
from gateway.catalogue.documents import TITLES
from gateway.catalogue.forms.services import SERVICES
from gateway.contract.errors import Internal, Overloaded
from gateway.documents.documents import PaperState
from gateway.documents.papers import Letter, Row, Words
from gateway.signing.faults import AuthorityAway, AuthorityRefuses, SigningFailed

if TYPE_CHECKING:
    from datetime import tzinfo

    from gateway.contract.messages import Caller
    from gateway.contract.submissions import Standing
    from gateway.documents.papers import Papers
    from gateway.flows.track import Tracker

_log = structlog.get_logger("gateway.documents")

KIND: Final = "tanda_terima"
"""Kind of the paper."""

AGAIN: Final = 30.0
"""Seconds after which an authority that is away is asked again."""

_MONTHS: Final = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November",
    "Desember",
)  # fmt: skip
_TEXT: Final = (
    Words(
        "Simpan lembar ini. Nomor di atas menunjukkan sampai di mana pengajuan Anda.",
        "Keep this sheet. The number above tells where your submission stands.",
    ),
    Words(
        "Lembar ini bukan dokumen kependudukan dan tidak memuat data pribadi.",
        "This sheet is no civil document and holds no personal data.",
    ),
)


class Receipts:
    """Makes receipts on behalf of callers.

    Args:
        tracker: Knows where submissions stand.
        papers: Makes papers.
        office: Whose papers they are.
        zone: Zone of the dates on them.
    """

    def __init__(self, tracker: Tracker, papers: Papers, office: str, zone: tzinfo) -> None:
        self._tracker = tracker
        self._papers = papers
        self._office = office
        self._zone = zone

    async def pdf(self, caller: Caller, submission: str) -> bytes:
        """The signed receipt of one of the caller's submissions.

        Raises:
            NotFound: There is none, or it is another caller's.
            Overloaded: Whoever signs is away.
            Internal: Whoever signs refuses to; an admin has to look at it.
        """
        standing = await self._tracker.standing(caller, submission)
        letter = self._letter(standing)
        try:
            _code, pdf = await self._papers.make(letter, self._papers.code_of(KIND, standing.receipt.id))
        except AuthorityAway:
            raise Overloaded("Whoever signs papers is away.", retry_after=AGAIN) from None
        except SigningFailed as error:
            code = error.code if isinstance(error, AuthorityRefuses) else 0
            _log.exception("papers.signing.failed", error=type(error).__name__, code=code)
            raise Internal from None
        return pdf

    def _letter(self, standing: Standing) -> Letter:
        receipt, title = standing.receipt, TITLES[KIND]
        service = SERVICES.get(standing.service)
        named = standing.service if service is None else f"{service.title.id} / {service.title.en}"
        village = regions.village(standing.village)
        where = standing.village if village is None else f"{village.name} ({standing.village})"
        filed = datetime.fromtimestamp(receipt.filed_at, self._zone)
        rows = (
            Row(Words("Nomor tanda terima", "Receipt number"), receipt.number),
            Row(Words("Layanan", "Service"), named),
            Row(Words("Desa atau kelurahan", "Village"), where),
            Row(Words("Diterima pada", "Received on"), f"{_written(filed)}, {filed:%H:%M} {filed.tzname()}"),
        )
        return Letter(
            kind=KIND,
            title=title.id,
            title_en=title.en,
            office=self._office,
            place="" if village is None else village.name,
            date=_written(filed),
            rows=rows,
            text=_TEXT,
            state=PaperState.PROVISIONAL,
        )


def _written(day: datetime) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
