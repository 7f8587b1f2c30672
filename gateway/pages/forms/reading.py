"""From what a browser posts to the JSON form: only fields that the form has, each in the type it asks for.

What cannot be one (`abc` for a number) stays a text, for the check of the catalogue to name. What was left empty is
left out, and so are a group and an entry of a list of which nothing was filled in; a group that is required stays, so
that each of its fields is asked for by name.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from gateway.catalogue.forms import schemas
from gateway.contract.errors import FieldFault, Invalid
from gateway.pages.forms.dates import kept_date
from gateway.pages.forms.drawing import ROOT

MOST_FIELDS: Final = 1000
"""Fields that a posted form may have; no form of the catalogue comes near."""

_DEEPEST: Final = 8
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")
_UNSEEN: Final = re.compile(r"[\s\u200b-\u200f\u202a-\u202e\u2060\ufeff.\-]+")
_NUMBERS: Final = frozenset({"nik", "no_kk", "village"})
_NO_FORM: Final = FieldFault(
    "/form", "unreadable", "The posted form cannot be read.", "Formulir yang dikirim tidak terbaca."
)

_Tree = dict[str, Any]


def posted_fields(body: bytes) -> dict[str, str]:
    """The fields of an `application/x-www-form-urlencoded` body, the last of each name.

    Raises:
        Invalid: It is no such body, or has too many fields.
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Invalid(faults=(_NO_FORM,)) from None
    return dict(pairs)


def read_form(service: str, version: int, body: bytes) -> dict[str, Any]:
    """What was posted, as the JSON form.

    Raises:
        KeyError: There is no such form.
        Invalid: The body cannot be read.
    """
    form = schemas.schema(service, version)
    found = _object(form, _tree(posted_fields(body)).get(ROOT, {}), needed=True)
    return found if found is not None else {}


def _tree(fields: dict[str, str]) -> _Tree:
    """The fields as a tree, by the slashes of their names; a name that is both field and group counts as the first."""
    tree: _Tree = {}
    for name, value in fields.items():
        *groups, last = name.split("/")
        here = tree
        for part in groups[:_DEEPEST]:
            inner = here.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            here = inner
        else:
            here.setdefault(last, value)
    return tree


def _value(schema: schemas.Schema, given: object, *, needed: bool) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, given, needed=needed)
    if kind == "array":
        return _list(schema, given, needed=needed)
    if kind == "boolean":
        return True if given == "true" else (False if needed else None)
    return _plain(schema, given) if isinstance(given, str) else None


def _object(schema: schemas.Schema, given: object, *, needed: bool) -> dict[str, Any] | None:
    known = given if isinstance(given, dict) else {}
    required = schema.get("required", ())
    filled = {
        key: value
        for key, inner in schema.get("properties", {}).items()
        if (value := _value(inner, known.get(key), needed=needed and key in required)) is not None
    }
    if not needed and filled:  # something was filled in: then its required parts are asked for too
        return _object(schema, given, needed=True)
    return filled if filled or needed else None


def _list(schema: schemas.Schema, given: object, *, needed: bool) -> list[Any] | None:
    known = given if isinstance(given, dict) else {}
    places = sorted((int(place), place) for place in known if place.isdecimal() and len(place) < _DEEPEST)
    entries = [_value(schema["items"], known[place], needed=False) for _, place in places]
    filled = [entry for entry in entries if entry is not None][: int(schema["maxItems"]) + 1]
    if (needed or filled) and schema["items"].get("type") == "object":
        missing = int(schema.get("minItems", 0)) - len(filled)
        filled += [_object(schema["items"], {}, needed=True) for _ in range(missing)]
    return filled or None


def _plain(schema: schemas.Schema, given: str) -> Any:
    """One field's value; None where nothing but space was typed."""
    typed = " ".join(given.split())
    kind = schema.get("x-kind")
    if kind in _NUMBERS:
        typed = _UNSEEN.sub("", typed)
    if not typed:
        return None
    if "enum" in schema:
        return next((value for value in schema["enum"] if str(value) == typed), typed)
    if schema.get("type") == "integer":
        return int(typed) if _WHOLE.fullmatch(typed) else typed
    return kept_date(typed) if kind == "date" else typed
