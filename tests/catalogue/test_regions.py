"""Regions: the vendored data are whole, and every look-up takes any code without raising."""

from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue import regions
from gateway.catalogue.regions import Level, Region

VILLAGES = tuple(village for province in regions.provinces() for village in regions.villages(province.code))


@pytest.mark.parametrize(
    ("regency", "districts", "desa", "kelurahan"),
    [("35.27", 14, 180, 6), ("36.73", 6, 0, 67), ("33.20", 16, 184, 11)],
)
def test_the_three_regencies_are_whole(regency: str, districts: int, desa: int, kelurahan: int) -> None:
    """Sampang, Kota Serang and Jepara hold as many districts, desa and kelurahan as the decree counts."""
    villages = regions.villages(regency)
    assert len(regions.children(regency)) == districts
    assert sum(not village.is_kelurahan for village in villages) == desa
    assert sum(village.is_kelurahan for village in villages) == kelurahan


def test_there_are_thirty_eight_provinces() -> None:
    """Every province of today is listed, in order, Papua's included."""
    codes = [province.code for province in regions.provinces()]
    assert len(codes) == 38
    assert codes == sorted(codes)
    assert {"91", "96"} <= set(codes)


@pytest.mark.parametrize("code", ["35.27.04.2003", "3527042003", " 35.27.04.2003 ", "35.27042003"])
def test_a_village_is_found_with_and_without_dots(code: str) -> None:
    """Both spellings of a code name the same village, and its name keeps its apostrophe."""
    found = regions.village(code)
    assert found == Region("35.27.04.2003", "Tamba'an", Level.VILLAGE, "35.27.04")
    assert found.digits == "3527042003"


def test_the_tree_is_closed() -> None:
    """Every region's parent is listed one level above it, and lists it as a child."""
    assert len(VILLAGES) == 448
    for village in VILLAGES:
        line = regions.lineage(village.code)
        assert [region.level for region in line] == list(Level)
        assert all(lower in regions.children(upper.code) for upper, lower in pairwise(line))
        assert regions.villages(village.code) == (village,)


def test_higher_levels_are_regions_but_no_villages() -> None:
    """A district is found and known, but is not taken for a village or a kelurahan."""
    district = regions.find("352701")
    assert district is not None
    assert district.level is Level.DISTRICT
    assert not district.is_kelurahan
    assert regions.known("35.27.01")
    assert regions.village("35.27.01") is None


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("35", False),
        ("20", True),
        ("35.99", False),
        ("35.27.01", False),
        ("35.27.99", True),
        ("35.78.99", False),
        ("20.01.01", True),
        ("35.27.01.2003", False),
        ("35.27.01.2999", True),
        ("35.27.99.2001", True),
        ("", True),
        ("desa", True),
    ],
)
def test_only_what_the_data_can_tell_is_called_wrong(code: str, *, wrong: bool) -> None:
    """A code is retired or wrong only where we list its siblings; elsewhere we do not know."""
    assert regions.is_retired_or_wrong(code) is wrong


@given(st.text() | st.text(alphabet="0123456789.", max_size=14))
def test_no_code_makes_a_look_up_raise(code: str) -> None:
    """Any text is looked up; what is not listed is `None` or empty."""
    found = regions.find(code)
    assert regions.known(code) == (found is not None)
    assert found is None or found.code == regions.normalise(code)
    if found is None:
        assert (regions.village(code), regions.villages(code), regions.lineage(code)) == (None, (), ())
        assert regions.children(code) == ()


@pytest.mark.parametrize("code", ["352", "35.2", "35.27.01.20", "35.27.01.20031", "35..27", "٣٥", "35" + " " * 100])
def test_what_is_no_code_has_no_dotted_form(code: str) -> None:
    """Wrong lengths, doubled dots, foreign digits and padded junk are no region codes."""
    assert regions.normalise(code) is None


def test_the_data_carry_their_licence() -> None:
    """The vendored files stand beside the notice that their licence asks for."""
    notice = resources.files("gateway.catalogue").joinpath("data", "LICENSE.md").read_text(encoding="utf-8")
    assert "MIT License" in notice
    assert "Cahya DSN" in notice
