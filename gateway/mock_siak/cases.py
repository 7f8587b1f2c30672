"""What was handed in and what became of it; plain values, and how they look to whoever handed them in.

```
accepted ─┬─► issued      a submission's documents exist
          └─► rejected    with a code
RECEIVED_AT_CENTRAL ─► PRINT_READY_RECORD | DUPLICATE_RECORD | ENROLL_FAILURE_AT_CENTRAL       a recording
```
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

RECORDING = "recording"
"""The service that recordings are kept and granted under."""

ACCEPTED, ISSUED, REJECTED = "accepted", "issued", "rejected"
RECEIVED, PRINT_READY = "RECEIVED_AT_CENTRAL", "PRINT_READY_RECORD"
DUPLICATE_RECORD, ENROLL_FAILURE = "DUPLICATE_RECORD", "ENROLL_FAILURE_AT_CENTRAL"

REJECTIONS: Mapping[str, str] = {
    "subject_unknown": "NIK tidak terdapat di database kependudukan",
    "subject_deceased": "NIK tercatat meninggal dunia",
    "subject_inactive": "Data penduduk tidak aktif",
    "kk_unknown": "Nomor KK tidak terdapat di database kependudukan",
    "already_recorded": "Peristiwa sudah tercatat",
    "data_mismatch": "Isian tidak sesuai dengan data kependudukan",
    "requirement_missing": "Persyaratan tidak lengkap",
    "attachment_illegible": "Lampiran tidak terbaca",
    "signature_missing": "Tanda tangan atau stempel tidak ada",
    "duplicate_record": "Rekaman ganda",
    "enroll_failure": "Rekaman gagal diproses di pusat",
}
"""Why the office says no; the last two are dealt to recordings only, the five before them to submissions only."""

_FAILED = {"duplicate_record": DUPLICATE_RECORD}


class Document(msgspec.Struct, frozen=True):
    """One document of an event, with its own receipt and, where it is about one resident, that one's NIK."""

    kind: str
    number: str
    receipt: str
    nik: str | None = None


class Case(msgspec.Struct, frozen=True):
    """One submission or recording as the centre keeps it.

    Attributes:
        account: Key of the account that handed it in; empty for what happened by itself.
        digest: SHA-256 of everything handed in but the reference, whatever the order of its keys.
        dealt: The rejection it was dealt when it was taken in, None for none.
        due_at: When the office gets to it, Unix seconds.
        id: Its number in the centre's book, 0 before it is written there.
    """

    account: str
    reference: str
    service: str
    village: str
    form: dict[str, Any]
    digest: str
    receipt: str
    accepted_at: float
    due_at: float
    dealt: str | None = None
    id: int = 0
    state: str = ACCEPTED
    decided_at: float | None = None
    rejection: str | None = None
    documents: tuple[Document, ...] = ()

    @property
    def is_recording(self) -> bool:
        """Whether it is a recording."""
        return self.service == RECORDING

    def document(self) -> dict[str, Any]:
        """What the centre holds, as JSON-ready data."""
        told: dict[str, Any] = {
            "reference": self.reference,
            "receipt": self.receipt,
            "state": self.state,
            "accepted_at": stamp(self.accepted_at),
            "decided_at": None if self.decided_at is None else stamp(self.decided_at),
        }
        if self.is_recording:
            return told
        documents = [msgspec.to_builtins(document) for document in self.documents]
        return {**told, "rejection": rejection(self.rejection), "documents": documents}


def rejection(code: str | None) -> dict[str, str] | None:
    """A rejection as JSON-ready data."""
    return None if code is None else {"code": code, "text": REJECTIONS[code]}


def failed_state(code: str) -> str:
    """What a recording becomes that is rejected with `code`."""
    return _FAILED.get(code, ENROLL_FAILURE)


def stamp(at: float) -> str:
    """Unix seconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
