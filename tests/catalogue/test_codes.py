"""Code lists: both ways, in any spelling, with a caller's own texts, and nothing refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue.codes import EDUCATIONS, LISTS, RELIGIONS, Coded, CodeList, Sex

EVERY = st.sampled_from([(listed, number) for listed in LISTS.values() for number in listed.texts])


@pytest.mark.parametrize(
    ("name", "count", "last"),
    [
        ("jenis_kelamin", 2, (2, "Perempuan")),
        ("agama", 7, (7, "KEPERCAYAAN")),
        ("status_kawin", 4, (4, "CERAI MATI")),
        ("shdk", 11, (11, "LAINNYA")),
        ("pendidikan", 10, (10, "STRATA III")),
        ("golongan_darah", 13, (13, "TIDAK TAHU")),
        ("ektp_status", 8, (8, "CARD ISSUED")),
        ("status_dasar", 6, (9, "TIDAK VALID")),
    ],
)
def test_the_lists_are_whole(name: str, count: int, last: tuple[int, str]) -> None:
    """Each list holds as many codes as the centre's, and ends with the centre's last."""
    assert len(LISTS[name].texts) == count
    assert max(LISTS[name].texts.items()) == last


@given(EVERY)
def test_every_code_goes_both_ways(entry: tuple[CodeList, int]) -> None:
    """Number to text and back is the identity, in any case and spacing, and from digits as well."""
    listed, number = entry
    text = listed.text(number)
    assert text is not None
    assert listed.number(f"  {text.lower().replace(' ', '  ')} ") == number
    assert listed.read(text) == listed.read(number) == listed.read(f" {number}") == Coded(number, text)


@given(st.sampled_from(list(LISTS.values())), st.text() | st.integers(min_value=-(10**20), max_value=10**20))
def test_nothing_is_refused(listed: CodeList, value: str | int) -> None:
    """A value that is not listed is kept as it came, without its outer blanks."""
    coded = listed.read(value)
    assert (coded.number is None and coded.text == str(value).strip()) or listed.text(coded.number or 0) == coded.text


def test_other_spellings_of_the_wire_are_understood() -> None:
    """The longer texts that the centre writes for schooling mean the same codes."""
    assert EDUCATIONS.read("SLTA/SEDERAJAT") == Coded(5, "SLTA")
    assert RELIGIONS.number("Buddha") == 5


def test_a_caller_may_have_its_own_texts() -> None:
    """Own texts replace ours and add new codes; ours are still understood, and our list stays as it was."""
    own = RELIGIONS.with_texts({2: "PROTESTAN", 8: "LAINNYA"})
    assert own.text(2) == "PROTESTAN"
    assert own.number("KRISTEN") == own.number("protestan") == 2
    assert own.read("8") == Coded(8, "LAINNYA")
    assert own.text(1) == "ISLAM"
    assert RELIGIONS.text(2) == "KRISTEN"
    assert RELIGIONS.text(8) is None


def test_a_caller_may_swap_texts() -> None:
    """A text given to another code means that other code."""
    own = RELIGIONS.with_texts({2: "KATHOLIK", 3: "KRISTEN"})
    assert (own.number("KATHOLIK"), own.number("KRISTEN")) == (2, 3)


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ("Laki-Laki", Sex.MALE),
        ("LAKI - LAKI", Sex.MALE),
        ("l", Sex.MALE),
        ("1", Sex.MALE),
        ("Perempuan", Sex.FEMALE),
        ("PR", Sex.FEMALE),
        ("-", None),
        ("", None),
        ("3", None),
    ],
)
def test_the_sex_is_read_in_every_spelling_seen(text: str, sex: Sex | None) -> None:
    """The wire's spelling, letters and digits are read; anything else is unknown."""
    assert Sex.read(text) is sex
