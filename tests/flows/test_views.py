"""Answers as the native API shows them: digits kept, nothing is null, verdicts read strictly."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.errors import CentreMisanswered
from gateway.contract.messages import CentreService, Fate, Reply
from gateway.flows.views import Match, matches, members, plain, resident


def reply(content: str, fate: Fate = Fate.ACTIVE, service: CentreService = CentreService.BIODATA) -> Reply:
    """A reply of this content."""
    return Reply(service, f'{{"content":{content}}}'.encode(), fate)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("9171010101900001", "9171010101900001"),
        ("27", "27"),
        ("-0", "-0"),
        ("1.50e1", "1.50e1"),
        ("true", "true"),
        ("null", None),
        ('""', None),
        ('" "', None),
        ('"-"', None),
        ('" - "', None),
        ('" 3527012904150001"', "3527012904150001"),
        ('"NI\'AM"', "NI'AM"),
        ('"A\\u0000\\u001fB"', "A B"),
        ('"\\u0085"', None),
        ('"--"', "--"),
    ],
)
def test_values_become_plain_text(raw: str, shown: str | None) -> None:
    """Numbers keep every digit, blanks and the dash that stands for nothing are null, control characters blanks."""
    assert plain(msgspec.Raw(raw.encode())) == shown


@pytest.mark.parametrize("raw", ["[]", "{}", '["x"]'])
def test_a_list_or_an_object_is_no_value(raw: str) -> None:
    """A field is one value; anything else is the centre's fault."""
    with pytest.raises(CentreMisanswered):
        plain(msgspec.Raw(raw.encode()))


@given(st.integers(min_value=0, max_value=10**20))
def test_no_digit_is_ever_lost(number: int) -> None:
    """A number of any length is shown with all its digits."""
    assert plain(msgspec.Raw(str(number).encode())) == str(number)


@given(st.text())
def test_text_is_shown_without_what_cannot_be_printed(text: str) -> None:
    """Whatever text the centre sends, no control character is left, and it is never an empty string."""
    shown = plain(msgspec.Raw(msgspec.json.encode(text)))
    assert shown is None or (shown and not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in shown))


def test_a_resident_is_its_fields_without_the_centres_words() -> None:
    """The words about the answer are not a field of the resident."""
    assert resident(reply('[{"RESPON":"ok","NIK":1}]')) == {"NIK": "1"}
    assert resident(reply('{"NIK":1}')) == {"NIK": "1"}


def test_nobody_is_shown_unless_active() -> None:
    """For any other fate there is no resident, no member and no verdict, whatever the bytes say."""
    for fate in (Fate.DECEASED, Fate.DUPLICATE, Fate.INACTIVE):
        assert resident(reply('[{"NIK":1}]', fate)) is None
        assert members(reply('[{"NIK":1}]', fate)) == []
        assert matches(reply('[{"NIK":1}]', fate)) == {}


def test_an_answer_without_records_is_a_misanswer() -> None:
    """An active resident of whom nothing is said is the centre's fault."""
    with pytest.raises(CentreMisanswered):
        resident(reply("[]"))
    assert members(reply("[]")) == []


def test_members_keep_the_centres_order() -> None:
    """The card's order is the centre's."""
    assert [one["NIK"] for one in members(reply('[{"NIK":3},{"NIK":1},{"NIK":2}]'))] == ["3", "1", "2"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("Sesuai", Match(match=True)),
        ("Tidak Sesuai", Match(match=False)),
        ("Sesuai (100)", Match(match=True, score=100)),
        ("Tidak Sesuai (0)", Match(match=False, score=0)),
        (" Sesuai (85) ", Match(match=True, score=85)),
    ],
)
def test_verdicts_are_read(text: str, match: Match) -> None:
    """Match and score, as the centre words them."""
    content = json.dumps([{"NAMA_LGKP": text, "RESPON": "x"}])
    assert matches(reply(content, service=CentreService.VERIFY)) == {"NAMA_LGKP": match}


@pytest.mark.parametrize("text", ["", "sesuai", "Sesuai (1000)", "Sesuai 100", "Kuota Habis", "BUDI SANTOSO", None, 1])
def test_what_is_no_verdict_is_never_taken_for_one(text: object) -> None:
    """A stored value or an unknown word is a misanswer: it is neither a match nor shown."""
    with pytest.raises(CentreMisanswered):
        matches(reply(json.dumps([{"NAMA_LGKP": text}]), service=CentreService.VERIFY))
