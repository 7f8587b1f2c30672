"""Example cases: what is sent, what counts as the same answer, and what is told otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.mock_siak.accounts import demo_password
from gateway.testing import Example, ExampleFault, Heard, Stage, examples_of, read_examples, run_example
from gateway.testing.examples import Asked, Expected, ask, differences, recorded_in, secrets_of
from gateway.testing.processes import SEED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOKUP = "/v1/residents/lookup"
WELL = Expected(200, json={"resident": {"NIK": "{nik}", "NAMA_LGKP": "{name}", "...": "..."}, "...": "..."})


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A gateway without extensions."""
    with Stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture(scope="module")
def key(stage: Stage) -> str:
    """A key of the native API."""
    return stage.add_client("desk")


def unlike(stage: Stage, expected: Any, body: object) -> list[str]:
    """What a body has other than expected."""
    heard = Heard(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
    return differences(stage, Expected(200, json=expected), heard, stage.people()[0], None)


@pytest.mark.parametrize(
    ("expected", "body", "told"),
    [
        ({"a": "..."}, {"a": 7}, []),
        ({"a": "x...z"}, {"a": "xyz"}, []),
        ({"a": 1, "...": "..."}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"a": 1, "b": 2}, ["/b is not expected"]),
        ({"a": 1, "b": 1}, {"a": 1}, ["/b is missing"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["/a/1/b is 3, not 2"]),
        ([1], [1, 2], ["/ is [1, 2], not [1]"]),
        (1, True, ["/ is True, not 1"]),
        ({"nik": "{nik:unknown}"}, b"no json", ["the body is no JSON"]),
    ],
)
def test_only_what_is_other_is_told(stage: Stage, expected: Any, body: object, told: list[str]) -> None:
    """Dots stand for anything, also within a text or for further members; types count."""
    assert unlike(stage, expected, body) == told


def test_headers_and_texts_are_looked_at(stage: Stage) -> None:
    """A header that differs or lacks, and a text that is not there."""
    answer = Expected(200, contains=("halo", "{name}"), headers={"x-one": "a...", "x-two": "b"})
    person = stage.people()[0]
    heard = Heard(200, {"x-one": "abc"}, f"halo {person.name}".encode())
    assert differences(stage, answer, heard, person, None) == ["header x-two is 'absent'"]
    assert "the body does not contain 'halo'" in differences(stage, answer, Heard(200, {}, b""), person, None)


def test_bodies_are_sent_as_json_form_or_text(stage: Stage, key: str) -> None:
    """The same question as JSON and as text is answered; a form is refused as the gateway refuses it."""
    person = stage.people()[3]
    good = json.dumps({"nik": "{nik}", "purpose": "pelayanan"}).replace('"{nik}"', '"{nik}"')
    typed = {"Content-Type": "application/json", "Authorization": "Bearer {key}"}
    as_json = Example("json", Asked("POST", LOOKUP, json={"nik": "{nik}", "purpose": "pelayanan"}), WELL)
    as_text = Example("text", Asked("POST", LOOKUP, text=good, headers=typed, key=False), WELL)
    as_form = Example("form", Asked("POST", LOOKUP, form={"nik": "{nik}"}), Expected(415))
    for example in (as_json, as_text, as_form):
        assert run_example(stage, example, key=key, person=person) == []


def test_the_centre_is_well_again_after_a_case(stage: Stage, key: str) -> None:
    """A case's `centre.json` holds for that case alone."""
    away = Example(
        "away", Asked("POST", LOOKUP, json={"nik": "{nik}", "purpose": "pelayanan"}), Expected(503), {"mode": "refuse"}
    )
    assert run_example(stage, away, key=key, person=stage.people()[9]) == []
    asked = Asked("POST", LOOKUP, json={"nik": "{nik}", "purpose": "pelayanan"})
    assert ask(stage, asked, stage.people()[8], key, headers={}).status == 200


def test_files_that_are_wrong_are_named(tmp_path: Path) -> None:
    """Case, file and what is wrong with it."""
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "request.json").write_text('{"method": "GET", "path": "/", "metod": 1}')
    with pytest.raises(ExampleFault, match=r"examples/case/request.json: Object contains unknown field `metod`"):
        read_examples(tmp_path)
    assert read_examples(tmp_path / "nowhere") == ()


def test_examples_are_found_by_the_name_of_the_extension() -> None:
    """Those of an installed extension; of none, it is said."""
    assert [example.name for example in examples_of("metrics")] == ["figures"]
    with pytest.raises(LookupError, match="no extension nobody is installed"):
        examples_of("nobody")


def test_secrets_are_put_where_an_admin_would(tmp_path: Path) -> None:
    """Names become variables of the extension, placeholders what they stand for; a wrong file is named."""
    (tmp_path / "secrets.toml").write_text('desk_key = "{key}"\ndesk_password = "{password:dukcapil_sampang}"\n')
    found = secrets_of(tmp_path, "sgw_x")
    assert found == {"desk_key": "sgw_x", "desk_password": demo_password(SEED, "dukcapil_sampang")}
    assert secrets_of(tmp_path / "nowhere", "") == {}
    (tmp_path / "secrets.toml").write_text("=")
    with pytest.raises(ExampleFault, match=r"examples/secrets\.toml: "):
        secrets_of(tmp_path, "")


def test_recordings_to_the_byte_are_no_cases(tmp_path: Path) -> None:
    """A folder that holds `request.http` is left to whoever records such things."""
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recorded" / "request.http").write_text("GET /there?nik=1\nA: b\n\n")
    assert read_examples(tmp_path) == ()
    assert recorded_in(tmp_path) == {("GET", "/there")}
