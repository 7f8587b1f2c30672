"""The patterns callers see agree with the catalogue's checks, in Python and in JSON Schema alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalogue.kk import check_kk
from gateway.catalogue.nik import check_nik
from gateway.contract.errors import Invalid
from gateway.http import numbers
from gateway.http.bodies import BodyReader

if TYPE_CHECKING:
    from gateway.contract.errors import FieldFault


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body of one NIK."""

    nik: numbers.Nik


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body of one card's number."""

    no_kk: numbers.NoKk


SUBJECT, CARD = BodyReader(Subject), BodyReader(Card)

dates = st.tuples(st.integers(0, 79), st.integers(0, 14), st.integers(0, 99)).map("{0[0]:02}{0[1]:02}{0[2]:02}".format)
serials = st.one_of(st.just("0000"), st.integers(0, 9999).map("{:04}".format))
sixteen = st.tuples(st.integers(0, 999_999).map("{:06}".format), dates, serials).map("".join)
odd = st.one_of(
    st.text(alphabet="0123456789", min_size=15, max_size=17),
    sixteen.flatmap(lambda text: st.sampled_from([f"{text}\n", f" {text}", f"{text}\u200b", text[:-1] + "٣"])),
    st.text(max_size=20),
)


def takes(reader: BodyReader, name: str, text: str) -> bool:
    """Whether a reader takes a number; its schema must say the same as its decoder, and each fault is told once."""
    faults = faults_of(reader, msgspec.json.encode({name: text}))
    assert reader._validator.is_valid({name: text}) == (not faults)
    assert {fault.field for fault in faults} <= {f"/{name}"}
    assert len({fault.code for fault in faults}) == len(faults)
    return not faults


def faults_of(reader: BodyReader, body: bytes) -> tuple[FieldFault, ...]:
    """What a reader finds wrong with a body."""
    try:
        reader.read(body)
    except Invalid as error:
        return error.faults
    return ()


@settings(max_examples=1500)
@given(st.one_of(sixteen, odd))
def test_the_nik_pattern_is_the_catalogues_check(text: str) -> None:
    """A clean NIK is taken exactly if the catalogue finds no fault in it; one that needs cleaning never is."""
    check = check_nik(text)
    assert takes(SUBJECT, "nik", text) == (check.ok and check.digits == text)


@settings(max_examples=500)
@given(st.one_of(sixteen, odd))
def test_the_card_pattern_is_the_catalogues_check(text: str) -> None:
    """The same for the number of a family card."""
    check = check_kk(text)
    assert takes(CARD, "no_kk", text) == (check.ok and check.digits == text)


@pytest.mark.parametrize("year", range(100))
@pytest.mark.parametrize("day", ["29", "69"])
def test_leap_days_exist_in_either_century(day: str, year: int) -> None:
    """29 February is a date if it is one in 19YY or in 20YY."""
    nik = f"352701{day}02{year:02}0001"
    assert takes(SUBJECT, "nik", nik) == check_nik(nik).ok == (year % 4 == 0)
