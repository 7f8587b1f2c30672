"""The catalogue's forms on a page: what is drawn is read back as it was, faults stand at their fields."""

from __future__ import annotations

import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from gateway.catalogue.forms import schemas
from gateway.catalogue.forms.checking import check_form
from gateway.catalogue.forms.services import SERVICES
from gateway.contract.errors import Invalid
from gateway.pages import Pages
from gateway.pages.forms.dates import kept_date, shown_date
from gateway.pages.forms.drawing import draw
from gateway.pages.forms.reading import MOST_FIELDS, read_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.errors import FieldFault
    from gateway.pages.language import Language

FORMS = [(service.name, version) for service in SERVICES.values() for version in service.versions]
CASES = sorted(
    case
    for case in (Path(__file__).resolve().parents[1] / "catalogue/form_cases").iterdir()
    if case.is_dir() and not (case / "faults.json").exists()
)
PAGE = """{% extends "page.html" %}{% import "form_fields.html" as f %}
{% block main %}{{ f.errors(form) }}<form method="post">{{ f.fields(form) }}</form>{% endblock %}"""
TODAY = date(2026, 11, 20)
NIK, OTHER = "3527012904900001", "3527016904920002"


class Controls(HTMLParser):
    """What a browser would post, and what it shows."""

    def __init__(self, page: str) -> None:
        """Read a page as a browser with script does: what is for others is not there."""
        super().__init__()
        self.posted: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: set[str] = set()
        self.links: list[str] = []
        self._select = self._area = ""
        self._away = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a control's value as a browser does."""
        told: dict[str, str] = {name: value or "" for name, value in attrs}
        self._away += tag in {"template", "noscript"}
        if self._away:
            return
        if "id" in told:
            self.ids.append(told["id"])
        if tag == "label":
            self.labelled.add(told["for"])
        if tag == "a" and told["href"].startswith("#form"):
            self.links.append(told["href"][1:])
        if tag in {"input", "select", "textarea"} and told.get("type") != "hidden":
            self.controls.add(told["id"])
        if tag == "input" and (told["type"] not in {"radio", "checkbox"} or "checked" in told):
            self.posted.append((told["name"], told["value"]))
        if tag == "select":
            self._select = told["name"]
        if tag == "option" and "selected" in told:
            self.posted.append((self._select, told["value"]))
        if tag == "textarea":
            self._area = told["name"]
            self.posted.append((self._area, ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave what is for others."""
        self._away -= tag in {"template", "noscript"}
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        """A text of several lines has its value inside."""
        if self._area and not self._away:
            self.posted[-1] = (self._area, self.posted[-1][1] + data)

    @property
    def body(self) -> bytes:
        """What is posted."""
        return urlencode(self.posted).encode()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Pages with one that shows a form."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "form.html").write_text(PAGE, encoding="utf-8")
    return Pages({"kit": folder})


def shown(
    pages: Pages,
    form: tuple[str, int],
    values: Mapping[str, Any],
    faults: tuple[FieldFault, ...] = (),
    language: Language = "id",
) -> str:
    """The page of a form."""
    answer = pages.render("apps/kit/form.html", {"form": draw(*form, values, faults)}, language=language)
    return answer.body.decode()


def filled(schema: schemas.Schema) -> Any:
    """A value of each field's right type, not always a right one."""
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema.get("type")
    if kind == "object":
        return {key: filled(inner) for key, inner in schema["properties"].items()}
    if kind == "array":
        return [filled(schema["items"]) for _ in range(max(2, schema.get("minItems", 0)))]
    if kind in {"boolean", "integer"}:
        return True if kind == "boolean" else 7
    texts = {"nik": NIK, "no_kk": "3527012904900009", "date": "2026-03-31", "time": "07:30", "village": "3527032001"}
    return texts.get(schema.get("x-kind", ""), 'Siti <Aminah> & "Co"')


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[0]}-{form[1]}")
def test_each_form_comes_back_as_it_was_filled_in(pages: Pages, form: tuple[str, int]) -> None:
    """Every field of every form has a control with a label, and posting the page gives the same form."""
    values = filled(schemas.schema(*form))
    controls = Controls(shown(pages, form, values))
    assert read_form(*form, controls.body) == values
    assert controls.controls <= controls.labelled
    assert len(set(controls.ids)) == len(controls.ids)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_the_catalogues_cases_come_back(pages: Pages, case: Path) -> None:
    """What the catalogue takes as whole, a page shows and gives back."""
    told = json.loads((case / "submission.json").read_text(encoding="utf-8"))["form"]
    service, version, _ = case.name.split("-", 2)
    form = (service, int(version))
    assert read_form(*form, Controls(shown(pages, form, told)).body) == told


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form[0]}-{form[1]}")
def test_an_empty_form_asks_for_each_required_field(pages: Pages, form: tuple[str, int]) -> None:
    """Posting nothing gives faults at fields that are on the page, each linked from the summary."""
    values = read_form(*form, Controls(shown(pages, form, {})).body)
    faults = check_form(*form[:1], form[1], "3527032001", TODAY, values, ())
    controls = Controls(shown(pages, form, values, faults))
    at_fields = {fault.field for fault in faults if fault.field.startswith("/form/")}
    assert at_fields
    assert len(controls.links) == len(at_fields)
    assert set(controls.links) <= set(controls.ids)


def test_what_is_wrong_stays_as_it_was_typed_and_is_said_in_both_languages(pages: Pages) -> None:
    """No value is lost by a fault; a date is asked for as the page shows it."""
    body = urlencode({"form/no_kk": "12", "form/child/birth_date": "31-02-2026", "form/child/order": "dua"}).encode()
    values = read_form("birth", 1, body)
    assert values == {"no_kk": "12", "child": {"birth_date": "2026-02-31", "order": "dua"}}
    faults = check_form("birth", 1, "3527032001", TODAY, values, ())
    page = shown(pages, ("birth", 1), values, faults)
    posted = dict(Controls(page).posted)
    assert posted["form/no_kk"] == "12"
    assert posted["form/child/birth_date"] == "31-02-2026"
    assert posted["form/child/order"] == "dua"
    assert "ditulis tanggal-bulan-tahun, misalnya 31-03-2026." in page
    assert "written day-month-year" in shown(pages, ("birth", 1), values, faults, "en")
    assert page.index('role="alert"') < page.index("<form")


def test_two_faults_at_one_place_are_both_told(pages: Pages) -> None:
    """Each paper that is missing is named, though no field of the form is at fault."""
    faults = check_form("birth", 2, "3527032001", TODAY, {}, ())
    told = [fault.message_id for fault in faults if fault.field == "/attachments"]
    page = shown(pages, ("birth", 2), {}, faults)
    assert len(told) > 1
    assert all(words in page for words in told)


def test_numbers_are_read_as_people_type_them() -> None:
    """Spaces, dots and what office spreadsheets carry do not count."""
    body = urlencode({"form/nik": " 3527 0129.0490-0001\u200b ", "form/wrong": "a\r\n b"}).encode()
    assert read_form("correction", 1, body) == {"nik": NIK, "wrong": "a b"}


def test_entries_close_up_and_stay_bounded() -> None:
    """An entry that was removed or left empty leaves no hole, and no more come in than one too many."""
    body = urlencode({"form/members/0": NIK, "form/members/2": "", "form/members/9": OTHER}).encode()
    assert read_form("move_out", 1, body)["members"] == [NIK, OTHER]
    body = urlencode({f"form/members/{place}": OTHER for place in range(200)}).encode()
    assert len(read_form("move_out", 1, body)["members"]) == 31


def test_a_group_that_is_begun_asks_for_its_rest() -> None:
    """Half a witness is a fault at the other half, not a witness left out."""
    body = urlencode({"form/witnesses/0/name": "Ani", "form/father/name": "Budi"}).encode()
    values = read_form("birth", 1, body)
    assert values["father"] == {"name": "Budi"}
    assert values["witnesses"] == [{"name": "Ani"}, {}]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        urlencode({"a": "b"}).encode() + b"&%ff=1",
        b"form/no_kk=%ff",
        b"&".join(b"form/x%d=1" % place for place in range(MOST_FIELDS + 1)),
    ],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    """Neither broken texts nor a flood of fields."""
    with pytest.raises(Invalid):
        read_form("birth", 2, body)


def test_hostile_names_do_no_harm() -> None:
    """Names that clash, run deep or are not the form's are overlooked."""
    fields = {
        "form": "x", "form/child": "x", "form/child/name": "Ani", "form/child/name/a": "b", "form//": "x",
        "/".join(["form", *["a"] * 50]): "x", "form/members/-1": "x", "form/members/99999999999999": "x",
        "form/__proto__": "x", "csrf": "x", "form/foundling": "maybe",
    }  # fmt: skip
    values = read_form("birth", 2, urlencode(fields).encode())
    assert values == {"child": {}, "reporter": {}, "witnesses": [{}, {}]}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("31-03-2026", "2026-03-31"), ("1/2/2026", "2026-02-01"), ("2026-03-31", "2026-03-31"), ("x", "x")],
)
def test_dates_are_written_as_here(typed: str, kept: str) -> None:
    """Day first on the page, year first in the form."""
    assert kept_date(typed) == kept
    assert kept_date(shown_date(kept)) == kept


def test_what_makes_a_part_needless_is_named_on_it(pages: Pages) -> None:
    """The mother's group names the tick that makes it needless, so that a script can put it away."""
    page = shown(pages, ("birth", 2), {})
    assert re.search(r'id="form-mother"[^>]* data-unless="form/foundling"', page)
    assert 'name="form/foundling"' in page
