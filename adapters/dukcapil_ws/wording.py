"""What the real service says instead of data, to the byte: its texts, its three shapes, its page around them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from gateway.contract import CentreService

if TYPE_CHECKING:
    from collections.abc import Mapping

ErrorShape = Literal["respon", "respon_code", "response_desc"]

CONTENT_TYPE: Final = "application/json;charset=UTF-8"

LOGIN_FAILED: Final = "03"
WRONG_IP: Final = "04"
QUOTA: Final = "05"
OUTSIDE_HOURS: Final = "06"
INCOMPLETE: Final = "07"
NO_CREDENTIALS: Final = "09"
UNKNOWN_IP: Final = "10"
MALFORMED: Final = "15"
INSTITUTION_INACTIVE: Final = "16"
USER_INACTIVE: Final = "17"
AWAY: Final = "99"
"""Not one of the service's codes: the gateway could not ask, which must look like none of them."""

TEXTS: Final[Mapping[str, str]] = {
    LOGIN_FAILED: "Login Gagal",
    WRONG_IP: "IP Address Tidak Sesuai",
    QUOTA: "Kuota Akses Hari ini telah Habis",
    OUTSIDE_HOURS: "Akses Di Luar Jam Layanan",
    INCOMPLETE: "Parameter Tidak Lengkap / Tidak Valid",
    NO_CREDENTIALS: "User, password dan IP tidak boleh kosong",
    UNKNOWN_IP: "IP Client  Tidak terdaftar",
    MALFORMED: "Data Tidak Ditemukan, NIK tidak sesuai format Dukcapil",
    INSTITUTION_INACTIVE: "Instansi Tidak Aktif",
    USER_INACTIVE: "User ID Tidak Aktif",
}
"""Exact texts, spacing included; the service's own for 06 is not known."""

AWAY_TEXT: Final = "Layanan Dukcapil Pusat Sedang Tidak Dapat Dihubungi, Silakan Coba Beberapa Saat Lagi"
"""What is said unless a client's profile words it otherwise."""

MISLEADING: Final = ("ditemukan", "kuota", "quota", "habis", "sesuai", "gagal", "meninggal", "ganda", "aktif")
"""Words of the service's texts that clients match on; a text about the gateway holds none of them."""


@lru_cache(maxsize=256)
def page(code: str, text: str, shape: ErrorShape, *, bare: bool) -> bytes:
    """A whole answer that carries a code instead of data.

    Args:
        code: Two digits.
        text: What it says.
        shape: Which of the three forms the client's account gets.
        bare: `content` is the object itself, not a list, as the older service has it.
    """
    content = msgspec.json.encode(_record(code, text, shape))
    return (
        b'{"content":%b,"lastPage":true,"numberOfElements":1,"sort":null,"totalElements":1,"firstPage":true,'
        b'"number":0,"size":1}' % (content if bare else b"[%b]" % content)
    )


def with_quota(page: bytes, left: int | None) -> bytes:
    """The same page with what is left of the day's quota, as newer accounts are shown it; None leaves it as it is."""
    return page if left is None else b'%b,"quotaLimiter":%d}' % (page[:-1], left)


def _record(code: str, text: str, shape: ErrorShape) -> dict[str, str]:
    if shape == "respon":
        return {"RESPON": text}
    if shape == "respon_code":
        return {"RESPON": text, "RESPONSE_CODE": code}
    return {"RESPONSE_CODE": code, "RESPONSE_DESC": text, "RESPONSE": text}


_BIODATA = "CALL_NIK NIK BYNIK GET_NIK GET_PENDUDUK BIODATA GET_BIODATA ADM_DESA CALL_NIK_KECAMATAN"
_FAMILY_CARD = "CALL_NIK_GET_KK GET_KK CALL_KK NOKK"
_VERIFY = "NIK_VERIFBY_ELEMEN CALL_VERIFY_BY_ELEMEN"
SERVICES: Final[Mapping[str, CentreService]] = {
    **dict.fromkeys(_BIODATA.split(), CentreService.BIODATA),
    **dict.fromkeys(_FAMILY_CARD.split(), CentreService.FAMILY_CARD),
    **dict.fromkeys(_VERIFY.split(), CentreService.VERIFY),
}
"""The class of each METHOD seen at institutions, in upper case; a profile may name others.

Nothing is guessed from parts of a name: a write or a deed asked for by a name nobody knows would be answered as a
look-up.
"""


def nothing_at(path: str) -> bytes:
    """What the service's framework says where it serves nothing; goes with HTTP 404."""
    return msgspec.json.encode({"status": 404, "error": "Not Found", "message": "No message available", "path": path})
