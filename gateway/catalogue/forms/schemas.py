"""The forms' JSON Schemas (draft 2020-12), self-contained: references to the shared parts are put in place.

Beside the standard's keywords a schema carries `title` (Indonesian) and `x-title-en` for every field, `x-kind` where a
text is a number, a date or the like, and `x-texts` where it is a code: the list's texts by code, `{"id", "en"}`.
A form carries `x-paper` (the paper form it stands for) and `x-source`.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

import jsonschema_rs

from gateway.catalogue.bilingual import Bilingual
from gateway.catalogue.forms.services import SERVICES

_PARTS: Final = "../parts/"
Schema = Mapping[str, Any]


def known(service: str, version: int) -> bool:
    """Whether there is such a form, taken or not."""
    return service in SERVICES and version in SERVICES[service].versions


@cache
def schema(service: str, version: int) -> Schema:
    """Return the self-contained schema of a known form; callers must not change it.

    Raises:
        KeyError: There is no such form.
    """
    if not known(service, version):
        raise KeyError(service, version)
    whole: Schema = _inlined(_read(service, f"{version}.json"))
    return whole


@cache
def validator(service: str, version: int) -> jsonschema_rs.Draft202012Validator:
    """Return the compiled form of `schema`."""
    return jsonschema_rs.Draft202012Validator(dict(schema(service, version)), validate_formats=True)


def field_at(form: Schema, path: Sequence[str | int]) -> Schema:
    """Return the schema of the field at a path within a form; empty where the form has no such field."""
    here: Any = form
    for part in path:
        inner = here.get("items") if isinstance(part, int) else here.get("properties", {}).get(part)
        here = inner or {}
    found: Schema = here
    return found


def title_of(field: Schema) -> Bilingual:
    """Return what people call a field of a schema."""
    return Bilingual(field.get("title", "Isian"), field.get("x-title-en", "Field"))


def _inlined(node: Any) -> Any:
    """Put the shared parts in the place of the references to them; keywords beside a reference win."""
    if isinstance(node, list):
        return [_inlined(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    beside = {key: _inlined(inner) for key, inner in node.items() if key != "$ref"}
    if "$ref" not in node:
        return beside
    file, _, name = node["$ref"].removeprefix(_PARTS).partition("#/$defs/")
    return {**_inlined(_read("parts", file)["$defs"][name]), **beside}


@cache
def _read(folder: str, file: str) -> Any:
    return json.loads(resources.files(__package__).joinpath("schemas", folder, file).read_text(encoding="utf-8"))
