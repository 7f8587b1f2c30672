"""The NIK: 16 digits `AABBCC DDMMYY SSSS`, given once for life.

`AABBCC` is the province, regency and district of first registration, `DDMMYY` the birth date (women: day + 40),
`SSSS` a serial from 0001. There is no check digit, and the century is not written. A NIK is always text: provinces
from 91 exceed the integers that JavaScript and JSON clients keep exactly.

Nothing here raises on any text, and no text of a finding quotes the number.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from gateway.catalogue import findings, regions
from gateway.catalogue.codes import Sex
from gateway.catalogue.findings import Finding

LENGTH: Final = 16
"""Digits of a NIK, and of a KK number."""

_LEAP: Final = "(?:[02468][048]|[13579][26])"
_DAY: Final = (
    "(?:(?:0[1-9]|1[0-9]|2[0-8]|4[1-9]|5[0-9]|6[0-8])(?:0[1-9]|1[0-2])[0-9]{2}"  # days 1-28 of any month
    "|(?:29|30|69|70)(?:0[13-9]|1[0-2])[0-9]{2}"  # 29 and 30 of all but February
    "|(?:31|71)(?:0[13578]|1[02])[0-9]{2}"  # 31 of the long months
    f"|(?:29|69)02{_LEAP})"  # 29 February of leap years, either century
)
EXPRESSION: Final = f"[0-9]{{6}}{_DAY}(?!0000)[0-9]{{4}}"
"""A regular expression, without anchors, of what `check_nik` finds no fault with; for the hot path and for schemas."""

_WOMEN: Final = 40
_CENTURIES: Final = (1900, 2000)
_LAST_DAY: Final = 31


@dataclass(frozen=True, slots=True)
class NikCheck:
    """What the digits alone say; parts that cannot be read are empty.

    Attributes:
        digits: The cleaned text that was checked; personal data, kept out of `repr`.
        faults: Why it cannot be a NIK; empty when it can.
        warnings: What is unusual about it though it can be one.
        province: Dotted code `AA`, listed or not.
        regency: Dotted code `AA.BB`.
        district: Dotted code `AA.BB.CC`.
        births: The birth dates it can mean, at most one a century, oldest first; some may lie in the future.
        sex: As written in the day.
        serial: 1 to 9999, 0 when it cannot be read.
    """

    digits: str = field(repr=False)
    faults: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()
    province: str = ""
    regency: str = ""
    district: str = ""
    births: tuple[date, ...] = field(default=(), repr=False)
    sex: Sex | None = None
    serial: int = field(default=0, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it can be a NIK and may be sent to the centre."""
        return not self.faults


def clean(text: str) -> str:
    """Strip blanks and non-printing characters, which office spreadsheets carry into numbers; keep all else."""
    if text.isascii() and text.isalnum():
        return text
    return "".join(character for character in text if character.isprintable() and not character.isspace())


def number_faults(digits: str) -> tuple[Finding, ...]:
    """Return why a cleaned text is not a number of 16 ASCII digits; empty when it is."""
    if not digits:
        return (findings.EMPTY,)
    wrong_kind = () if digits.isascii() and digits.isdecimal() else (findings.NOT_DIGITS,)
    wrong_length = () if len(digits) == LENGTH else (findings.WRONG_LENGTH,)
    return wrong_kind + wrong_length


def dates(day: int, month: int, year: int) -> tuple[date, ...]:
    """Return the real dates that a day, a month and a two-digit year can mean in either century, oldest first."""
    return tuple(found for century in _CENTURIES if (found := _date(century + year, month, day)))


def check_nik(text: str) -> NikCheck:
    """Read a NIK.

    Args:
        text: Anything a caller sent; it is cleaned first.

    Returns:
        The parts, every fault at once, and warnings.
    """
    digits = clean(text)
    faults = number_faults(digits)
    return NikCheck(digits=digits, faults=faults) if faults else _read(digits)


def disagreements(nik: str | NikCheck, *, sex: str | None = None, born: date | None = None) -> tuple[Finding, ...]:
    """Compare a NIK with what else is known of its bearer.

    Records get corrected while the NIK stays, so a difference is something to look at, never a reason to refuse. What
    cannot be read on either side does not disagree.

    Args:
        nik: The text or its check.
        sex: Any spelling `Sex.read` knows.
        born: The birth date on record.

    Returns:
        One flag for each part that differs.
    """
    check = nik if isinstance(nik, NikCheck) else check_nik(nik)
    stated = Sex.read(sex) if sex is not None else None
    flags: list[Finding] = []
    if stated and check.sex and stated is not check.sex:
        flags.append(findings.SEX_DIFFERS)
    if born and check.births and born not in check.births:
        flags.append(findings.BIRTH_DATE_DIFFERS)
    return tuple(flags)


def agrees(nik: str | NikCheck, *, sex: str | None = None, born: date | None = None) -> bool:
    """Whether nothing known of its bearer differs from the NIK; see `disagreements`."""
    return not disagreements(nik, sex=sex, born=born)


def region_warnings(digits: str) -> tuple[Finding, ...]:
    """Return what is unusual about the region part of 16 digits: temporary numbers and codes that do not exist."""
    if digits[0] == "0":
        return (findings.TEMPORARY_NUMBER,)
    return (findings.UNKNOWN_REGION,) if regions.is_retired_or_wrong(digits[:6]) else ()


def _read(digits: str) -> NikCheck:
    day, month, year, serial = int(digits[6:8]), int(digits[8:10]), int(digits[10:12]), int(digits[12:])
    woman = day > _WOMEN
    born_on = day - _WOMEN if woman else day
    births = dates(born_on, month, year)
    return NikCheck(
        digits=digits,
        faults=_date_faults(born_on, births) + (() if serial else (findings.SERIAL_ZERO,)),
        warnings=region_warnings(digits),
        province=digits[:2],
        regency=f"{digits[:2]}.{digits[2:4]}",
        district=f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}",
        births=births,
        sex=(Sex.FEMALE if woman else Sex.MALE) if births else None,
        serial=serial,
    )


def _date_faults(day: int, births: tuple[date, ...]) -> tuple[Finding, ...]:
    if births:
        return ()
    return (findings.NOT_A_DATE,) if 1 <= day <= _LAST_DAY else (findings.DAY_OUT_OF_RANGE,)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
