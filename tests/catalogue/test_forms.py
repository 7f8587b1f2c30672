"""Forms by example: each folder under `form_cases` is one, and its faults stand beside it to the word."""

from __future__ import annotations

import json
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from gateway.catalogue import codes
from gateway.catalogue.forms import schemas
from gateway.catalogue.forms.checking import check_form, check_submission, version_faults
from gateway.catalogue.forms.services import SERVICES, FormService
from gateway.catalogue.forms.wording import called
from gateway.contract.messages import Priority
from gateway.contract.submissions import AttachmentRef, Subject, Submission

CASES = sorted(path for path in (Path(__file__).parent / "form_cases").iterdir() if path.is_dir())
EVERY = [(service.name, version) for service in SERVICES.values() for version in service.versions]


def submission_of(case: Path) -> tuple[Submission, date]:
    """A case as it would be handed in, and when."""
    service, version, _ = case.name.split("-", 2)
    told = json.loads((case / "submission.json").read_text(encoding="utf-8"))
    papers = tuple(AttachmentRef("0" * 64, kind) for kind in told["attachments"])
    form = msgspec.Raw(msgspec.json.encode(told["form"]))
    subject = Subject(no_kk="3527033103260001")
    submission = Submission(service, int(version), told["village"], subject, form, papers)
    return submission, date.fromisoformat(told["filed_on"])


def _faults(case: Path) -> list[dict[str, str]]:
    golden = case / "faults.json"
    found: list[dict[str, str]] = json.loads(golden.read_text(encoding="utf-8")) if golden.exists() else []
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_has_the_faults_that_stand_beside_it(case: Path) -> None:
    """Every fault of a form is named at once, to the word; a case without `faults.json` has none."""
    assert [msgspec.to_builtins(fault) for fault in check_submission(*submission_of(case))] == _faults(case)


def test_every_form_has_a_complete_and_a_broken_example() -> None:
    """No version of any form goes without an example that passes, no service without one that does not."""
    names = {case.name.rsplit("-complete")[0] for case in CASES if case.name.endswith("-complete")}
    assert names == {f"{service}-{version}" for service, version in EVERY}
    assert {case.name.split("-")[0] for case in CASES if (case / "faults.json").exists()} > set(SERVICES)


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a":"\xff"}', b"[" * 100_000])
def test_what_is_no_json_is_one_fault(raw: bytes) -> None:
    """A form that cannot be read is refused as such."""
    submission = Submission("birth", 1, "3527032001", Subject(nik="3527031101900001"), msgspec.Raw(raw))
    assert [fault.code for fault in check_submission(submission, date(2026, 3, 31))] == ["json"]


@pytest.mark.parametrize("raw", [b'{"nik":"1","nik":"2"}', b'{"a":[{"b":1,"\\u0062":1.5}]}'])
def test_no_field_stands_twice(raw: bytes) -> None:
    """A name that stands twice, at whatever depth and however it is spelled, is refused: readers would differ."""
    submission = Submission("ktp", 1, "3527032001", Subject(nik="3527031101900001"), msgspec.Raw(raw))
    assert [fault.code for fault in check_submission(submission, date(2026, 3, 31))] == ["twice"]


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b'{"members":[' + b",".join([b"1"] * 100_000) + b'],"home":1}', 33),
        (b'{"members":[],"home":' + b"[" * 900 + b"]" * 900 + b"}", 2),
        (b'{"a":' * 900 + b"1" + b"}" * 900, 3),
        (b'{"members":{"a":' + b"[" * 900 + b"]" * 900 + b'},"home":1}', 2),
        (b"{" + b",".join(b'"%d":{}' % place for place in range(20_000)) + b"}", 3),
    ],
)
def test_a_huge_form_makes_no_huge_answer(raw: bytes, fields: int) -> None:
    """What is sent in bulk, or nested without end, gets as many faults as the form has places, and no more."""
    papers = (AttachmentRef("0" * 64, "marriage_book"),)
    submission = Submission("kk_new", 1, "3527032001", Subject(nik="3527031101900001"), msgspec.Raw(raw), papers)
    assert len({fault.field for fault in check_submission(submission, date(2026, 3, 31))}) == fields


def test_an_ended_version_is_read_for_ever_but_taken_no_more() -> None:
    """From the day after its last, a version is refused and the current one named; until then it is taken."""
    ended = FormService("birth", SERVICES["birth"].title, versions=(1, 2), ended={1: date(2026, 6, 30)})
    assert version_faults(ended, 1, date(2026, 6, 30)) == ()
    assert version_faults(ended, 2, date(2026, 7, 1)) == ()
    (fault,) = version_faults(ended, 1, date(2026, 7, 1))
    assert (fault.field, fault.code) == ("/version", "version_ended")
    assert "version 2" in fault.message
    assert schemas.schema("birth", 1)["x-paper"] == "F-2.01"


def test_births_and_deaths_go_first() -> None:
    """The events with a legal time limit are urgent; all else is a desk's ordinary work."""
    urgent = {service.name for service in SERVICES.values() if service.priority is Priority.URGENT}
    assert urgent == {"birth", "stillbirth", "death"}
    assert {service.priority for service in SERVICES.values()} == {Priority.URGENT, Priority.COUNTER}


@pytest.mark.parametrize(("service", "version"), EVERY)
def test_every_field_has_a_name_in_both_languages(service: str, version: int) -> None:
    """Nothing in a form is anonymous, nothing refers elsewhere, and each list of codes has its texts."""

    def look(field: Any) -> None:
        assert field["title"]
        assert field["x-title-en"]
        assert "$ref" not in field
        assert field["type"] != "string" or "enum" in field or field["x-kind"]
        assert [str(code) for code in field.get("enum", ())] == list(field.get("x-texts", ()))
        for text in field.get("x-texts", {}).values():
            assert text["id"]
            assert text["en"]
        for inner in field.get("properties", {}).values():
            look(inner)
        if field["type"] == "object":
            assert field["additionalProperties"] is False
        if field["type"] == "array":
            look(field["items"])

    look(schemas.schema(service, version))


def test_the_files_are_the_versions_of_the_table() -> None:
    """There is no schema that no service names, and none is missing."""
    folder = resources.files("gateway.catalogue.forms").joinpath("schemas")
    files = {
        (service.name, int(file.name.removesuffix(".json")))
        for service in folder.iterdir()
        if service.name != "parts"
        for file in service.iterdir()
    }
    assert files == set(EVERY)
    with pytest.raises(KeyError):
        schemas.schema("birth", 3)


def test_the_files_are_plain_json_schema() -> None:
    """Any tool that follows references reads the same from the files as the check from its self-contained schemas."""
    folder = resources.files("gateway.catalogue.forms").joinpath("schemas")
    parts = json.loads(folder.joinpath("parts", "1.json").read_text(encoding="utf-8"))
    registry = jsonschema_rs.Registry([(parts["$id"], parts)])
    for case in CASES:
        service, version, _ = case.name.split("-", 2)
        if not schemas.known(service, int(version)):
            continue
        told = json.loads(folder.joinpath(service, f"{version}.json").read_text(encoding="utf-8"))
        jsonschema_rs.meta.validate(told)
        plain = jsonschema_rs.Draft202012Validator(told, registry=registry, validate_formats=True)
        form = json.loads((case / "submission.json").read_text(encoding="utf-8"))["form"]
        assert plain.is_valid(form) == schemas.validator(service, int(version)).is_valid(form)


def test_blood_groups_are_the_centre_s() -> None:
    """The list in the form and the one that answers are read with are one."""
    blood = schemas.field_at(schemas.schema("biodata", 1), ("changes", "blood"))
    assert blood["enum"] == list(codes.BLOOD_GROUPS.texts.values())


def test_every_fault_code_is_explained() -> None:
    """What programs are told by code stands in the reference."""
    page = (Path(__file__).parents[2] / "docs/reference/forms.md").read_text(encoding="utf-8")
    told = {fault["code"] for case in CASES for fault in _faults(case)}
    assert {code for code in told | {"json", "version_ended", "time"} if f"\n| `{code}` |" not in page} == set()


def test_fields_are_called_by_their_groups() -> None:
    """A field in a list is called by its place, counted from 1; the form itself is the form."""
    form = schemas.schema("birth", 2)
    assert called(form, ("witnesses", 1, "nik")).id == "Saksi 2: NIK"
    assert called(form, ()).en == "The form"


def test_a_village_of_another_level_is_no_village() -> None:
    """A district's code is no place to file in."""
    found = check_form("ktp", 1, "352703", date(2026, 3, 31), {"nik": "3527031101900001"}, ())
    assert [fault.field for fault in found] == ["/village"]
