"""What a check has to say about a NIK or KK number.

A *fault* means the text cannot be such a number, so it must not be sent to the centre. A *warning* or a *flag* means
it can be, although something is unusual: codes retire, records get corrected, villages hand out temporary numbers.
Findings never quote the number or any part of it: they go into error texts and logs.
"""

from dataclasses import dataclass
from typing import Final

from gateway.catalogue.bilingual import Bilingual


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about a checked number.

    Attributes:
        code: Stable name for programs, `snake_case`.
        text: The same for people; holds no personal data.
    """

    code: str
    text: Bilingual


def _finding(code: str, indonesian: str, english: str) -> Finding:
    return Finding(code, Bilingual(indonesian, english))


EMPTY: Final = _finding("empty", "Nomor belum diisi.", "The number is empty.")
NOT_DIGITS: Final = _finding(
    "not_digits", "Nomor hanya boleh berisi angka 0-9.", "The number may hold digits 0-9 only."
)
WRONG_LENGTH: Final = _finding("wrong_length", "Nomor harus 16 angka.", "The number must have 16 digits.")
DAY_OUT_OF_RANGE: Final = _finding(
    "day_out_of_range",
    "Angka ke-7 dan ke-8 (tanggal) harus 01-31, atau 41-71 untuk perempuan.",
    "Digits 7 and 8 (the day) must be 01-31, or 41-71 for women.",
)
NOT_A_DATE: Final = _finding(
    "not_a_date", "Angka ke-7 sampai ke-12 bukan tanggal yang ada.", "Digits 7 to 12 are no date of the calendar."
)
SERIAL_ZERO: Final = _finding(
    "serial_zero", "Empat angka terakhir tidak boleh 0000.", "The last four digits must not be 0000."
)

TEMPORARY_NUMBER: Final = _finding(
    "temporary_number",
    "Nomor diawali 0: nomor sementara dari desa, belum dikenal pusat.",
    "The number begins with 0: a village's temporary number, not known at the centre yet.",
)
UNKNOWN_REGION: Final = _finding(
    "unknown_region",
    "Kode wilayah pada nomor tidak ada di daftar (mungkin kode lama).",
    "The region code in the number is not listed (it may be a retired one).",
)
UNREADABLE_DATE: Final = _finding(
    "unreadable_date",
    "Bagian tanggal pada nomor KK bukan tanggal yang ada.",
    "The date part of the family card number is no date of the calendar.",
)

SEX_DIFFERS: Final = _finding(
    "sex_differs",
    "Jenis kelamin tidak sama dengan yang terbaca dari NIK (data mungkin pernah diperbaiki).",
    "The sex differs from the one in the NIK (the record may have been corrected).",
)
BIRTH_DATE_DIFFERS: Final = _finding(
    "birth_date_differs",
    "Tanggal lahir tidak sama dengan yang terbaca dari NIK (data mungkin pernah diperbaiki).",
    "The birth date differs from the one in the NIK (the record may have been corrected).",
)

FAULTS: Final = (EMPTY, NOT_DIGITS, WRONG_LENGTH, DAY_OUT_OF_RANGE, NOT_A_DATE, SERIAL_ZERO)
"""Every finding that refuses a number."""

WARNINGS: Final = (TEMPORARY_NUMBER, UNKNOWN_REGION, UNREADABLE_DATE)
"""Every finding that only tells something about a number that passes."""

FLAGS: Final = (SEX_DIFFERS, BIRTH_DATE_DIFFERS)
"""Every finding that compares a number with what else is known of its bearer."""
