"""Fields and services: the sets that the centre's clients count on, and the classes they travel in."""

import pytest

from gateway.catalogue import fields
from gateway.catalogue.fields import FIELDS, Kind, Sensitivity
from gateway.catalogue.services import PURPOSES, SERVICES
from gateway.contract.messages import CentreService, Priority


def test_biodata_has_exactly_thirty_three_keys() -> None:
    """Clients count the keys of an answer: 33 means found; ours are as many and begin and end as theirs."""
    assert len(set(fields.BIODATA_NAMES)) == 33
    assert (fields.BIODATA_NAMES[0], fields.BIODATA_NAMES[-1]) == ("NIK", "NAMA_LGKP_IBU")
    assert len(FIELDS) == 33 + len(fields.BIODATA_EXTRA)


def test_verification_knows_its_elements_and_scores() -> None:
    """Twenty-two elements can be compared, four of them with a score; the NIK itself is not an element."""
    assert len(set(fields.VERIFY_ELEMENTS)) == 22
    assert set(fields.VERIFY_ELEMENTS) >= fields.SCORED_ELEMENTS
    assert "NIK" not in fields.VERIFY_ELEMENTS


def test_every_set_is_made_of_known_fields() -> None:
    """Family card members, verification and every service use names that have a title, a kind and a sensitivity."""
    for names in (fields.KK_MEMBER_NAMES, fields.VERIFY_ELEMENTS, *(service.fields for service in SERVICES.values())):
        assert len(set(names)) == len(names)
        assert set(names) <= FIELDS.keys()


def test_coded_fields_and_only_they_have_a_list() -> None:
    """A field holds codes exactly when it names the list of them."""
    assert all((field.kind is Kind.CODE) == (field.code_list is not None) for field in FIELDS.values())


@pytest.mark.parametrize(
    ("name", "sensitivity"),
    [
        ("NIK", Sensitivity.IDENTIFIER),
        ("NO_KK", Sensitivity.IDENTIFIER),
        ("NAMA_LGKP_IBU", Sensitivity.SENSITIVE),
        ("GOL_DARAH", Sensitivity.SPECIFIC),
        ("FOTO", Sensitivity.SPECIFIC),
        ("ALAMAT", Sensitivity.GENERAL),
        ("SOMETHING_NEW", Sensitivity.SPECIFIC),
    ],
)
def test_delicate_fields_are_marked(name: str, sensitivity: Sensitivity) -> None:
    """What finds, exposes or ruins a person is marked so; a key nobody has judged counts as the most delicate."""
    assert fields.sensitivity_of(name) is sensitivity


def test_every_text_is_there_in_both_languages() -> None:
    """Titles of fields, services and purposes are never empty in either language."""
    titles = [thing.title for things in (FIELDS, SERVICES, PURPOSES) for thing in things.values()]
    assert all(title.id and title.en for title in titles)


@pytest.mark.parametrize(
    ("purpose", "priority"),
    [("pelayanan", Priority.COUNTER), ("verifikasi", Priority.ONLINE), ("statistik", Priority.BACKGROUND)],
)
def test_default_purposes_imply_their_class(purpose: str, priority: Priority) -> None:
    """A desk comes before the web, the web before statistics, whatever the service."""
    assert PURPOSES[purpose].priority is priority
    assert all(max(service.priority, priority) is priority for service in SERVICES.values())


def test_names_are_their_own_keys() -> None:
    """Fields, services and purposes are found under their own names."""
    assert all(name == field.name for name, field in FIELDS.items())
    assert list(SERVICES) == [service.name for service in SERVICES.values()] == list(CentreService)
    assert list(PURPOSES) == [purpose.name for purpose in PURPOSES.values()]
