"""The KK number: what refuses, what warns, what is read."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue import findings
from gateway.catalogue.kk import check_kk


def test_the_parts_of_a_kk_number_are_read() -> None:
    """District, date of issue in either century and serial come out of the digits."""
    check = check_kk(" 3527 0117 0805 0012 ")
    assert check.ok
    assert check.warnings == ()
    assert (check.province, check.regency, check.district) == ("35", "35.27", "35.27.01")
    assert check.issued == (date(1905, 8, 17), date(2005, 8, 17))
    assert check.serial == 12


@pytest.mark.parametrize(
    ("text", "faults", "warnings"),
    [
        ("", (findings.EMPTY,), ()),
        ("-", (findings.NOT_DIGITS, findings.WRONG_LENGTH), ()),
        ("3527011708050000", (findings.SERIAL_ZERO,), ()),
        ("3527019908050001", (), (findings.UNREADABLE_DATE,)),
        ("9927019908050001", (), (findings.UNKNOWN_REGION, findings.UNREADABLE_DATE)),
        ("0527011708050001", (), (findings.TEMPORARY_NUMBER,)),
    ],
)
def test_what_refuses_and_what_warns(
    text: str, faults: tuple[findings.Finding, ...], warnings: tuple[findings.Finding, ...]
) -> None:
    """Length, digits and serial refuse; region and date only warn, since old cards carry oddities."""
    check = check_kk(text)
    assert (check.faults, check.warnings) == (faults, warnings)


@given(st.text() | st.text(alphabet="0123456789", min_size=16, max_size=16))
def test_no_text_makes_the_check_raise(text: str) -> None:
    """Any text gets a verdict, and `repr` never shows the number."""
    check = check_kk(text)
    assert not check.ok or len(check.digits) == 16
    assert len(check.digits) < 12 or check.digits not in repr(check)
