"""Forms at large: any form its schema allows passes here and at the centre; anything wrong in one is named in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.catalogue.forms import schemas
from gateway.catalogue.forms.checking import check_form
from gateway.catalogue.forms.services import SERVICES
from gateway.catalogue.forms.wording import pointer
from gateway.mock_siak.forms import FORMS, submission_faults
from tests.catalogue.form_maker import FILED_ON, NIKS, VILLAGE, at, filled, papers, places, with_value

if TYPE_CHECKING:
    from gateway.contract.errors import FieldFault

EVERY = [(service.name, version) for service in SERVICES.values() for version in service.versions]
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def check(service: str, version: int, form: Any) -> tuple[FieldFault, ...]:
    """The faults of a form that comes with all its papers."""
    return check_form(service, version, VILLAGE, FILED_ON, form, papers(service))


@pytest.mark.parametrize(("service", "version"), EVERY)
@FEW
@given(data=st.data())
def test_whatever_is_well_here_is_well_at_the_centre(data: st.DataObject, service: str, version: int) -> None:
    """A form filled in as its schema says has no fault, and the centre reads every field it needs in it."""
    form = data.draw(filled(schemas.schema(service, version)))
    assert check(service, version, form) == ()
    submission = {
        "reference": "reference-1",
        "service": service,
        "version": version,
        "village": VILLAGE,
        "subject": NIKS[0],
        "filed_at": f"{FILED_ON}T08:00:00+07:00",
        "form": form,
    }
    assert submission_faults(submission) == []


@pytest.mark.parametrize(("service", "version"), EVERY)
@FEW
@given(data=st.data())
def test_one_thing_wrong_is_named_where_it_stands(data: st.DataObject, service: str, version: int) -> None:
    """Whatever one place holds instead of what belongs there, a fault names that place or one within the same group."""
    form = data.draw(filled(schemas.schema(service, version)))
    path = data.draw(st.sampled_from(list(places(form))))
    other: list[Any] = [None] if isinstance(at(form, path), list | dict) else [None, 2.5, 3.0, [], {}, ""]
    wrong = data.draw(st.sampled_from(other))
    assert pointer(("form", *path)) in {fault.field for fault in check(service, version, with_value(form, path, wrong))}


@pytest.mark.parametrize(("service", "version"), EVERY)
@FEW
@given(data=st.data())
def test_what_is_missing_or_unknown_is_named(data: st.DataObject, service: str, version: int) -> None:
    """A required field left out is named by its own pointer, an unknown one by its group's and never by its name."""
    schema = schemas.schema(service, version)
    form = data.draw(filled(schema))
    groups = [path for path in places(form) if isinstance(at(form, path), dict)]
    path = data.draw(st.sampled_from(groups))
    strange = check(service, version, with_value(form, path, {**at(form, path), "0812-rahasia": 1}))
    assert [(fault.field, fault.code) for fault in strange] == [(pointer(("form", *path)), "unknown")]
    assert "rahasia" not in repr(strange)
    for key in schemas.field_at(schema, path)["required"]:
        left = {name: value for name, value in at(form, path).items() if name != key}
        faults = check(service, version, with_value(form, path, left))
        assert (pointer(("form", *path, key)), "required") in {(fault.field, fault.code) for fault in faults}


@settings(max_examples=50, deadline=None)
@given(
    form=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    key=st.sampled_from(["no_kk", "child", "father", "witnesses", "reporter"]),
)
def test_no_form_makes_the_check_raise(form: Any, key: str) -> None:
    """Any JSON in a form's place, or in a field's, is refused with both languages filled in."""
    for tried in (form, {key: form}):
        faults = check("birth", 2, tried)
        assert faults
        assert all(fault.message and fault.message_id for fault in faults)


def test_the_centre_and_the_catalogue_know_the_same_services() -> None:
    """What can be handed in here is exactly what the centre takes."""
    assert set(SERVICES) == set(FORMS)
