"""What the write half says: a status, a JSON document, a few headers; and its refusals by code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEXTS: Mapping[str, str] = {
    "unreadable": "Isi permintaan tidak terbaca",
    "login_failed": "Login gagal",
    "ip_unknown": "IP client tidak terdaftar",
    "user_inactive": "User ID tidak aktif",
    "institution_inactive": "Instansi tidak aktif",
    "outside_hours": "Akses di luar jam layanan",
    "service_not_granted": "Layanan tidak diberikan kepada akun ini",
    "reference_unknown": "Referensi tidak dikenal",
    "reference_conflict": "Referensi sudah dipakai untuk isi yang berbeda",
    "document_unknown": "Dokumen tidak dikenal, atau berupa kartu",
    "blob_unknown": "Lampiran tidak dikenal",
    "blob_offset": "Potongan tidak menyambung",
    "blob_digest": "Isi lampiran tidak sesuai namanya",
    "blob_missing": "Lampiran belum lengkap diterima",
    "regency_unknown": "Kabupaten/kota tidak dilayani",
    "cursor_unknown": "Penanda di luar jangkauan",
    "too_large": "Terlalu besar",
    "form_invalid": "Ada isian yang salah",
    "packet_unreadable": "Paket rekaman tidak dapat dibuka",
    "quota_exhausted": "Kuota akses hari ini telah habis",
}
"""Every code of a refusal, with its text."""


class Said(msgspec.Struct, frozen=True):
    """An answer without its framing; `headers` are ready lines, each ending in CRLF."""

    status: int
    body: bytes
    headers: bytes = b""
    content_type: bytes = b"application/json;charset=UTF-8"


def say(status: int, document: object, headers: bytes = b"") -> Said:
    """An answer with a JSON document."""
    return Said(status, msgspec.json.encode(document), headers)


class Refusal(Exception):
    """The write half says no; nothing was changed."""

    def __init__(
        self,
        status: int,
        code: str,
        fields: Sequence[dict[str, str]] = (),
        *,
        reference: str | None = None,
        headers: bytes = b"",
    ) -> None:
        super().__init__(code)
        self._status = status
        self.code = code
        self._fields = fields
        self._reference = reference
        self._headers = headers

    def said(self) -> Said:
        """The answer."""
        error: dict[str, Any] = {"code": self.code, "text": TEXTS[self.code]}
        if self._fields:
            error["fields"] = list(self._fields)
        document: dict[str, Any] = {"error": error}
        if self._reference is not None:
            document["reference"] = self._reference
        return say(self._status, document, self._headers)
