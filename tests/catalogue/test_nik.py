"""The NIK: what refuses, what warns, what is read, and that no text whatever makes it raise."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue import findings, regions
from gateway.catalogue.codes import Sex
from gateway.catalogue.nik import agrees, check_nik, clean, disagreements

VILLAGES = tuple(region for province in regions.provinces() for region in regions.villages(province.code))
BIRTHS = st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31))
SERIALS = st.integers(min_value=1, max_value=9999)


def compose(village: str, born: date, *, woman: bool, serial: int) -> str:
    """Write a NIK as an office would."""
    return f"{village[:6]}{born.day + 40 * woman:02d}{born:%m%y}{serial:04d}"


@given(village=st.sampled_from(VILLAGES), born=BIRTHS, woman=st.booleans(), serial=SERIALS)
def test_every_nik_an_office_writes_is_read_back(
    *, village: regions.Region, born: date, woman: bool, serial: int
) -> None:
    """A NIK composed by the rule passes without a remark and gives district, birth date, sex and serial back."""
    check = check_nik(compose(village.digits, born, woman=woman, serial=serial))
    assert check.ok
    assert check.warnings == ()
    assert (check.district, check.serial) == (village.parent, serial)
    assert born in check.births
    assert check.sex is (Sex.FEMALE if woman else Sex.MALE)
    assert agrees(check, sex="P" if woman else "L", born=born)


@given(st.text())
def test_no_text_makes_the_check_raise(text: str) -> None:
    """Any text gets a verdict; what passes is 16 ASCII digits; `repr` never shows them."""
    check = check_nik(text)
    assert check.ok == (not check.faults)
    assert not check.ok or (len(check.digits) == 16 and check.digits.isascii() and check.digits.isdecimal())
    assert len(check.digits) < 12 or check.digits not in repr(check)


@given(st.text(alphabet="0123456789", min_size=16, max_size=16))
def test_any_sixteen_digits_get_a_consistent_verdict(digits: str) -> None:
    """Sixteen digits fail only by day, date or serial, and have births exactly when the date is not at fault."""
    check = check_nik(digits)
    date_faults = {findings.DAY_OUT_OF_RANGE, findings.NOT_A_DATE}
    assert set(check.faults) <= date_faults | {findings.SERIAL_ZERO}
    assert bool(check.births) != bool(date_faults & set(check.faults))
    assert set(check.warnings) <= set(findings.WARNINGS)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", (findings.EMPTY,)),
        (" \u200b\ufeff\t", (findings.EMPTY,)),
        ("35270145019000", (findings.WRONG_LENGTH,)),
        ("35270145019000011", (findings.WRONG_LENGTH,)),
        ("352701450190000A", (findings.NOT_DIGITS,)),
        ("3527-01", (findings.NOT_DIGITS, findings.WRONG_LENGTH)),
        ("٣٥٢٧٠١٤٥٠١٩٠٠٠٠١", (findings.NOT_DIGITS,)),
        ("3527010001900001", (findings.DAY_OUT_OF_RANGE,)),
        ("3527013201900001", (findings.DAY_OUT_OF_RANGE,)),
        ("3527014001900001", (findings.DAY_OUT_OF_RANGE,)),
        ("3527017201900001", (findings.DAY_OUT_OF_RANGE,)),
        ("3527013102900001", (findings.NOT_A_DATE,)),
        ("3527010113900001", (findings.NOT_A_DATE,)),
        ("3527017102900000", (findings.NOT_A_DATE, findings.SERIAL_ZERO)),
        ("3527010101900000", (findings.SERIAL_ZERO,)),
        ("3527012902010001", (findings.NOT_A_DATE,)),
    ],
)
def test_what_refuses_a_nik(text: str, faults: tuple[findings.Finding, ...]) -> None:
    """Each way of being no NIK has its fault, and all of them are named at once."""
    assert check_nik(text).faults == faults


def test_a_leap_day_counts_only_in_the_century_that_has_it() -> None:
    """29-02-00 can only mean 2000, since 1900 was no leap year; 29-02-04 can mean both."""
    assert check_nik("3527012902000001").births == (date(2000, 2, 29),)
    assert check_nik("3527012902040001").births == (date(1904, 2, 29), date(2004, 2, 29))


@pytest.mark.parametrize(
    ("nik", "warnings"),
    [
        ("0527010101900001", (findings.TEMPORARY_NUMBER,)),
        ("9927010101900001", (findings.UNKNOWN_REGION,)),
        ("3527990101900001", (findings.UNKNOWN_REGION,)),
        ("3578010101900001", ()),
        ("9171010101900001", ()),
    ],
)
def test_odd_regions_only_warn(nik: str, warnings: tuple[findings.Finding, ...]) -> None:
    """Temporary numbers and unlisted codes pass with a warning; where we list no districts, nothing is said."""
    check = check_nik(nik)
    assert check.ok
    assert check.warnings == warnings


@pytest.mark.parametrize("carried", ["\u200b{}", "{}\xa0", "\ufeff {}\r\n", "{}\x00", "\u202d{}\u202c"])
def test_what_spreadsheets_carry_is_stripped(carried: str) -> None:
    """Zero-width, non-breaking and control characters around and inside a number do not matter."""
    assert clean(carried.format("3527 0141 0190 0001")) == "3527014101900001"


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """Cleaning is idempotent and leaves only printing characters."""
    assert clean(clean(text)) == clean(text)
    assert clean(text).isprintable()


def test_differences_are_flagged_and_nothing_else() -> None:
    """A differing sex or birth date is a flag each; what is unknown on either side does not disagree."""
    nik = "3527014101900001"
    assert disagreements(nik, sex="Laki-Laki", born=date(1991, 1, 1)) == findings.FLAGS
    assert disagreements(nik, sex="Perempuan", born=date(1990, 1, 1)) == ()
    assert disagreements(nik, sex="tidak diketahui") == ()
    assert disagreements("junk", sex="L", born=date(1990, 1, 1)) == ()
    assert not agrees(nik, sex="L")
    assert check_nik(nik).ok


def test_findings_have_unique_codes_and_both_languages() -> None:
    """Programs tell findings apart by code; people find each in Indonesian and English."""
    every = findings.FAULTS + findings.WARNINGS + findings.FLAGS
    assert len({finding.code for finding in every}) == len(every)
    assert all(finding.text.id and finding.text.en and finding.text.id != finding.text.en for finding in every)
