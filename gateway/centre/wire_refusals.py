"""What the centre says instead of data: the codes 03 to 17, with and without their code on the wire.

```
11 12 14                  a fate: an answer without biodata
13                        not found: an answer
15                        Invalid          05  QuotaExhausted      06  OutsideHours      07  CentreMisanswered
03 04 09 10 16 17         CentreRefusedUs
```

Some accounts get the text only; it is compared without regard to case and spacing. Where code and text disagree, a
refusal outweighs an answer: "quota used up" must never be taken for "not found".
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.contract.errors import (
    CentreMisanswered,
    CentreRefusedUs,
    FieldFault,
    Invalid,
    OutsideHours,
    QuotaExhausted,
)
from gateway.contract.messages import CentreService, Fate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.errors import (
        GatewayError,
    )

QUOTA: Final = "05"
OUTSIDE_HOURS: Final = "06"
NOT_FOUND: Final = "13"

FATES: Final[Mapping[str, Fate]] = MappingProxyType(
    {"11": Fate.DECEASED, "12": Fate.DUPLICATE, "14": Fate.INACTIVE},
)
"""Codes that say what became of a resident."""

REFUSED_US: Final[Mapping[str, str]] = MappingProxyType(
    {
        "03": "login failed",
        "04": "wrong IP",
        "09": "credentials empty",
        "10": "IP not registered",
        "16": "institution inactive",
        "17": "user inactive",
    }
)
"""Codes that refuse the gateway's own account, with what they mean for its admin."""

TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Login Gagal": "03",
        "IP Address Tidak Sesuai": "04",
        "Kuota Akses Hari ini telah Habis": QUOTA,
        "Parameter Tidak Lengkap / Tidak Valid": "07",
        "User, password dan IP tidak boleh kosong": "09",
        "IP Client  Tidak terdaftar": "10",
        "Data Ditemukan, Meninggal Dunia": "11",
        "Data Ditemukan, Data Ganda": "12",
        "Data Tidak Ditemukan, NIK tidak terdapat di database Kependudukan": NOT_FOUND,
        "Data Tidak Ditemukan": NOT_FOUND,
        "Data Ditemukan, Status Non Aktif silahkan hubungi Dinas Dukcapil": "14",
        "Data Tidak Ditemukan, NIK tidak sesuai format Dukcapil": "15",
        "Instansi Tidak Aktif": "16",
        "User ID Tidak Aktif": "17",
    }
)
"""The centre's texts, spacing included; that of 06 is not known."""

MARKS: Final = frozenset({"RESPON", "RESPONSE_CODE", "RESPONSE_DESC", "RESPONSE"})
"""Keys that only a record without data carries."""

_KNOWN_CODES: Final = frozenset({*TEXTS.values(), OUTSIDE_HOURS})
_ANSWERS: Final = frozenset({*FATES, NOT_FOUND})
_TEXT_KEYS: Final = ("RESPON", "RESPONSE_DESC", "RESPONSE")
_CODE_DIGITS: Final = 2
_QUOTA_WORDS: Final = (frozenset({"kuota", "quota"}), frozenset({"habis"}))
_HOURS_WORDS: Final = (frozenset({"luar", "diluar"}), frozenset({"jam"}))
_PUNCTUATION: Final = str.maketrans(dict.fromkeys(",.;:!/()", " "))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(" .!")


_PLAIN_TEXTS: Final[Mapping[str, str]] = MappingProxyType({_plain(text): code for text, code in TEXTS.items()})


def code_of(record: Mapping[str, msgspec.Raw]) -> str | None:
    """The two-digit code that a marked record means; None if it is unknown or contradicts itself.

    Args:
        record: A record with at least one of `MARKS`, keys to raw JSON values.
    """
    coded = scalar_text(record.get("RESPONSE_CODE")).strip()
    code = coded.rjust(_CODE_DIGITS, "0")
    claims = {found for key in _TEXT_KEYS if (found := _code_in(scalar_text(record.get(key))))}
    if code in _KNOWN_CODES:
        claims.add(code)
    refusals = claims - _ANSWERS
    if refusals:
        return _gravest(refusals, code)
    is_unknown = bool(coded) and code not in _KNOWN_CODES
    return claims.pop() if len(claims) == 1 and not is_unknown else None


def _gravest(refusals: set[str], code: str) -> str | None:
    if QUOTA in refusals:
        return QUOTA
    if code in refusals:
        return code
    return refusals.pop() if len(refusals) == 1 else None


def _code_in(text: str) -> str | None:
    """The code of a text: exact but for case and spacing; quota and hours also by their words."""
    if not text:
        return None
    exact = _PLAIN_TEXTS.get(_plain(text))
    if exact is not None:
        return exact
    words = set(text.casefold().translate(_PUNCTUATION).split())
    if all(words & some for some in _QUOTA_WORDS):
        return QUOTA
    return OUTSIDE_HOURS if all(words & some for some in _HOURS_WORDS) else None


def scalar_text(raw: msgspec.Raw | None) -> str:
    """The text of a raw JSON string or number out of a decoded page; empty for null and other kinds."""
    if raw is None:
        return ""
    value = bytes(raw)
    if not value.startswith(b'"'):
        return value.decode("ascii") if value[:1].isdigit() else ""
    return msgspec.json.decode(value, type=str)


def refusal(code: str, service: CentreService, body: bytes = b"") -> GatewayError:
    """The error that any code is raised as, but the fates and *not found*.

    One about the number keeps the body, and so does 06, whose text nobody knows beforehand.
    """
    if code == QUOTA:
        return QuotaExhausted()
    if code == OUTSIDE_HOURS:
        return OutsideHours(said=body)
    if code == "15":
        return Invalid(faults=(_format_fault(service),), said=body)
    if code in REFUSED_US:
        return CentreRefusedUs(f"{CentreRefusedUs.text()} (code {code}: {REFUSED_US[code]})")
    return CentreMisanswered(f"The centre calls the gateway's request incomplete (code {code}).")


def _format_fault(service: CentreService) -> FieldFault:
    return FieldFault(
        field="/no_kk" if service is CentreService.FAMILY_CARD else "/nik",
        code="centre_format",
        message="The centre does not take this for a number of its format.",
        message_id="Pusat menyatakan nomor ini tidak sesuai format.",
    )
