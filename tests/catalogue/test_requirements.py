"""Papers: the national base, regions' profiles over it, and the day that counts."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.catalogue.forms.checking import check_form
from gateway.catalogue.forms.requirements import kinds, product_profiles, read_profile, required
from gateway.catalogue.forms.services import SERVICES
from gateway.contract.submissions import AttachmentRef

SAMPANG, JEPARA = "3527032001", "33.20.11.2001"
DAY = date(2026, 3, 31)
FORM = {"deceased": {"nik": "3527031101900003", "date": "2026-03-29"}}
OF_A_REGENCY = """
region = "35.27"
[[requirement]]
service = "death"
name = "death"
any_of = ["death_letter", "kk"]
since = 2026-02-01
until = 2026-06-30
source = "an example"
[[requirement]]
service = "death"
name = "reporter"
any_of = ["ktp"]
since = 2026-04-01
source = "an example"
"""
OF_A_DISTRICT = """
region = "35.27.03"
[[requirement]]
service = "death"
name = "reporter"
any_of = []
since = 2026-05-01
source = "an example"
"""
PROFILES = (read_profile(OF_A_DISTRICT), *product_profiles(), read_profile(OF_A_REGENCY))


def needed(village: str, day: date) -> dict[str, tuple[str, ...]]:
    """What a death needs, by name."""
    return {one.name: one.any_of for one in required("death", village, day, PROFILES)}


def test_a_region_asks_for_more_and_accepts_other_papers_since_its_day() -> None:
    """A region's word replaces the nation's within its dates and its borders only; the nearer region's counts."""
    nation = {"death": ("death_letter",)}
    assert needed(SAMPANG, date(2026, 1, 31)) == nation
    assert needed(SAMPANG, date(2026, 2, 1)) == {"death": ("death_letter", "kk")}
    assert needed(SAMPANG, date(2026, 4, 1)) == {"death": ("death_letter", "kk"), "reporter": ("ktp",)}
    assert needed(SAMPANG, date(2026, 5, 1)) == {"death": ("death_letter", "kk")}
    assert needed("3527012001", date(2026, 7, 1)) == {**nation, "reporter": ("ktp",)}
    assert needed(JEPARA, date(2026, 4, 1)) == nation
    assert needed("", date(2026, 4, 1)) == nation


def test_the_check_asks_for_what_the_region_asks_for() -> None:
    """The same papers are enough in one region and too few in another."""
    card = (AttachmentRef("0" * 64, "kk"),)
    assert check_form("death", 1, SAMPANG, DAY, FORM, card, profiles=PROFILES) == ()
    (fault,) = check_form("death", 1, JEPARA, DAY, FORM, card, profiles=PROFILES)
    assert (fault.field, fault.code) == ("/attachments", "missing_attachment")
    assert "Surat keterangan kematian" in fault.message_id


def test_a_number_that_can_be_looked_up_spares_its_paper() -> None:
    """Who moves in with the removal letter's number need not attach the letter; one without a kind is none."""
    form = {"members": ["3527031101900001"], "home": {"address": "KRAJAN 7"}}
    unnamed = (AttachmentRef("0" * 64),)
    (fault,) = check_form("move_in", 1, SAMPANG, DAY, form, unnamed)
    assert fault.code == "missing_attachment"
    assert check_form("move_in", 1, SAMPANG, DAY, {**form, "skpwni": "SKPWNI/3320/1"}, unnamed) == ()


def test_the_national_base_is_whole() -> None:
    """All but the cards' own services need a paper; every requirement says where it is written."""
    base = product_profiles()[0]
    assert base.region == ""
    assert {one.service for one in base.requirements} == set(SERVICES) - {"ktp", "kia"}
    assert all(one.source and one.any_of for one in base.requirements)
    assert all(text.id and text.en for text in kinds().values())


GOOD = 'service = "death"\nname = "a"\nany_of = ["ktp"]\nsince = 2026-01-01\nsource = "x"'


@pytest.mark.parametrize(
    "broken",
    [
        GOOD.replace('"ktp"', '"passport"'),
        GOOD.replace('"death"', '"wedding"'),
        GOOD.replace('["ktp"]', '"ktp"'),
        GOOD.replace("2026-01-01", '"2026"'),
        GOOD.replace("2026-01-01", "2026-01-01T00:00:00"),
        GOOD.replace('source = "x"', ""),
        GOOD.replace("= 2026", "2026"),
    ],
)
def test_a_broken_profile_is_refused(broken: str) -> None:
    """What names something unknown, leaves something out or is no TOML is never half read."""
    assert read_profile(f'region = "35.27"\n[[requirement]]\n{GOOD}').requirements
    with pytest.raises(ValueError, match=r"known|any_of|dates|without|Expected"):
        read_profile(f'region = "35.27"\n[[requirement]]\n{broken}')
