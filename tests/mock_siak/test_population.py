"""The synthetic population: deterministic, well-formed, with everybody in it that software trips over."""

from __future__ import annotations

import time

import pytest

from gateway.mock_siak.answering import is_nik
from gateway.mock_siak.people import Status
from gateway.mock_siak.population import GROUPS, Population
from gateway.mock_siak.regions import load_villages

PEOPLE = Population(3_000, 7)


def everyone(population: Population) -> list[int]:
    """All NIKs in the order of registration."""
    return list(population._residents)


def test_the_same_seed_gives_the_same_people() -> None:
    """Two builds agree to the last field, whichever resident is asked first."""
    other = Population(3_000, 7)
    for nik in reversed(everyone(PEOPLE)):
        assert other.resident(nik) == PEOPLE.resident(nik)


def test_a_smaller_population_begins_a_larger_one() -> None:
    """The first residents do not depend on how many follow."""
    assert everyone(Population(500, 7)) == everyone(PEOPLE)[:500]


def test_another_seed_gives_other_people() -> None:
    """The seed matters."""
    assert everyone(Population(500, 8)) != everyone(PEOPLE)[:500]


def test_twenty_thousand_are_built_quickly() -> None:
    """The default population has exactly its size, within two seconds of processor time even while being traced."""
    began = time.process_time()
    assert len(Population(20_000, 1)) == 20_000
    assert time.process_time() - began < 2.0


def test_an_empty_population_is_an_error() -> None:
    """There is no centre without residents."""
    with pytest.raises(ValueError, match="at least one"):
        Population(0, 1)


def test_every_nik_is_derived_as_in_life() -> None:
    """16 digits, DD+40 for women, the birth date inside, a serial from 0001 without gaps in its prefix."""
    serials: dict[str, list[int]] = {}
    for nik in everyone(PEOPLE):
        resident = PEOPLE.resident(nik)
        assert resident is not None
        text = f"{nik:016d}"
        assert is_nik(text)
        day = resident.born.day + 40 * resident.female
        assert text[6:12] == f"{day:02d}{resident.born:%m%y}"
        serials.setdefault(text[:12], []).append(int(text[12:]))
    firsts = [min(found) for found in serials.values()]
    assert set(firsts) == {1}
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in serials.values())


def test_families_hold_together() -> None:
    """Members share card, village and religion; children carry the NIKs of the couple on their card."""
    children = 0
    for no_kk in map(int, PEOPLE.sample_cards(500)):
        family = PEOPLE.family(no_kk)
        assert {member.home.no_kk for member in family} == {no_kk}
        assert family[0].relation == "KEPALA KELUARGA"
        for child in family[2:]:
            assert (child.father.nik, child.mother.nik) == (family[0].nik, family[1].nik)
            assert child.born > family[1].born
            children += 1
    assert children > 100
    assert PEOPLE.family(1) == ()


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_samples(group: str) -> None:
    """Every state and every awkward kind of name is there, in a population of four hundred already."""
    niks = Population(400, 3).samples(group, 2)
    assert niks
    assert all(len(nik) == 16 for nik in niks)


def test_samples_are_what_their_group_says() -> None:
    """Papuans' NIKs exceed 2^53, one-word names have no blank, the dead are dead."""

    def of(group: str) -> list[tuple[int, str, Status]]:
        found = [PEOPLE.resident(int(nik)) for nik in PEOPLE.samples(group)]
        return [(resident.nik, resident.name, resident.status) for resident in found if resident]

    assert all(nik > 2**53 and str(nik).startswith(("91", "94", "95", "96")) for nik, _, _ in of("papua"))
    assert all(" " not in name for _, name, _ in of("one_word"))
    assert all("'" in name for _, name, _ in of("apostrophe"))
    for status in Status:
        assert {found for _, _, found in of(status.value)} == {status}


def test_unknown_groups_are_an_error() -> None:
    """A group nobody defined is a KeyError, not an empty list."""
    with pytest.raises(KeyError):
        PEOPLE.samples("ghosts")


def test_strangers_are_well_formed_and_unknown() -> None:
    """NIKs of strangers pass every check of form and belong to nobody."""
    for nik in PEOPLE.strangers(20):
        assert is_nik(nik)
        assert PEOPLE.resident(int(nik)) is None


def test_all_villages_are_there() -> None:
    """The three regencies bring 186 + 67 + 195 villages, named as the centre writes them."""
    villages = load_villages()
    assert len(villages) == 448
    noreh = next(village for village in villages if village.name == "NOREH")
    assert (noreh.district_code, noreh.regency_name, noreh.province_name) == (352701, "SAMPANG", "JAWA TIMUR")
