"""A region's own papers by config: added, replaced, lifted from a day on; whatever can never hold is a fault."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.catalogue.forms.requirements import required
from gateway.settings import ConfigFaults
from gateway.settings.loading import loads

SAMPANG, TORJUN, JEPARA = "3527032001", "3527022001", "3320112001"
GOOD = """
[requirements.reporter]
region = "35.27"
service = "death"
paper = "reporter"
any_of = ["ktp"]
since = "2026-04-01"
source = "Perbup 5/2026"
[requirements.no_letter]
region = "352703"
service = "death"
paper = "death"
any_of = []
since = "2026-05-01"
until = "2026-05-31"
source = "Perbup 6/2026"
[requirements.letter_by_number]
region = "35.27"
service = "move_in"
paper = "removal"
any_of = ["skpwni"]
number = "skpwni"
since = "2026-04-01"
source = "Perbup 7/2026"
"""


def needed(village: str, day: date, text: str = GOOD) -> dict[str, tuple[str, ...]]:
    """What a death needs, by name."""
    profiles = loads(text, Path("gateway.toml"), {}).profiles
    return {one.name: one.any_of for one in required("death", village, day, profiles)}


def test_a_region_adds_and_lifts_papers_from_a_day_on() -> None:
    """Within its borders and its days only, over the national base, which stays as it is."""
    nation = {"death": ("death_letter",)}
    both = {**nation, "reporter": ("ktp",)}
    assert needed(SAMPANG, date(2026, 3, 31)) == nation
    assert needed(SAMPANG, date(2026, 4, 1)) == both
    assert needed(SAMPANG, date(2026, 5, 1)) == {"reporter": ("ktp",)}
    assert needed(TORJUN, date(2026, 5, 1)) == both
    assert needed(SAMPANG, date(2026, 6, 1)) == both
    assert needed(JEPARA, date(2026, 5, 1)) == nation
    assert needed(SAMPANG, date(2026, 5, 1), "") == nation


@pytest.mark.parametrize(
    ("right", "wrong", "key", "said"),
    [
        ('"35.27"', '"99.99"', "reporter.region", "is no region of today's"),
        ('"35.27"', '"Sampang"', "reporter.region", "expected a Kemendagri code"),
        ('service = "death"', 'service = "deaht"', "reporter.service", "did you mean death?"),
        ('["ktp"]', '["ktp", "pasport"]', "reporter.any_of", "is not a kind of attachment"),
        ('["ktp"]', '["foto"]', "reporter.any_of", "did you mean photo?"),
        ('"2026-04-01"', "2026-04-01", "reporter.since", "expected a text in quotes, got a date or time"),
        ('"2026-04-01"', '"2026-02-30"', "reporter.since", "expected a day such as"),
        ('"2026-04-01"', '"20260401"', "reporter.since", "expected a day such as"),
        ('until = "2026-05-31"', 'until = "2026-04-30"', "no_letter.until", "lies before since"),
        ('paper = "death"', 'paper = "funeral"', "no_letter.paper", "is lifted, but nobody requires it"),
        ('number = "skpwni"', 'number = "no_akta"', "letter_by_number.number", "is no field of that service's form"),
        ('source = "Perbup 5/2026"', "", "reporter.source", "is missing"),
        ('source = "Perbup 5/2026"', 'source = "x"\ncolour = "red"', "reporter.colour", "is an unknown key"),
    ],
)
def test_what_can_never_hold_is_a_fault(right: str, wrong: str, key: str, said: str) -> None:
    """Each is told by its key, so that no region believes in a paper nobody asks for."""
    assert right in GOOD
    with pytest.raises(ConfigFaults) as caught:
        loads(GOOD.replace(right, wrong, 1), Path("gateway.toml"), {})
    found = [fault for fault in caught.value.faults if fault.key.startswith(f"requirements.{key}")]
    assert found, caught.value
    assert said in found[0].message
    assert found[0].line > 1


def test_two_tables_never_say_two_things_on_one_day() -> None:
    """The same paper of the same region, however its code is written, may follow another but not stand beside it."""
    again = GOOD[: GOOD.index("[requirements.no_letter]")].replace("reporter]", "again]").replace("35.27", "3527")
    with pytest.raises(ConfigFaults) as caught:
        loads(GOOD + again, Path("gateway.toml"), {})
    assert [fault.key for fault in caught.value.faults] == ["requirements.again.since"]
    assert "requirements.reporter" in caught.value.faults[0].message
    ended = GOOD.replace('source = "Perbup 5/2026"', 'until = "2026-12-31"\nsource = "x"')
    loads(ended + again.replace("2026-04-01", "2027-01-01"), Path("gateway.toml"), {})
