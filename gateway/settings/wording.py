"""Says in plain words what pydantic found wrong with a value, and what to do about it."""

from __future__ import annotations

import difflib
import math
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from gateway.settings.source import dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from gateway.settings.locate import KeyPath

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "tuple_type": "a list in [brackets]",
    "list_type": "a list in [brackets]",
    "set_type": "a list in [brackets]",
    "frozen_set_type": "a list in [brackets]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}

DATE = "$date"
"""The only key of the table that stands for a TOML date or time while a config is checked."""

_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}

_LENGTHS = {
    "string_too_short": ("min_length", "at least {} characters"),
    "string_too_long": ("max_length", "at most {} characters"),
    "too_short": ("min_length", "at least {} entries"),
    "too_long": ("max_length", "at most {} entries"),
}


def worded(error: ErrorDetails, model: type[BaseModel], path: KeyPath) -> tuple[str, str]:
    """The message and the cure of one error of `model` at `path`; neither repeats a text value."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(model, path)
    if kind == "missing":
        return "is missing", f"add it: {_described(model, path)}"
    if kind == "value_error":
        return _expected(error), _cure(error, model, path)
    return f"{_expected(error)}, {_got(error)}", _cure(error, model, path)


def _cure(error: ErrorDetails, model: type[BaseModel], path: KeyPath) -> str:
    if error["loc"][-1:] == ("[key]",):
        return "rename it"
    if error["type"] in {"dict_type", "model_type", "model_attributes_type"}:
        return f"write [{dotted(path)}] and its keys below it"
    return f"change it: {_described(model, path)}"


def closest(word: str, known: typing.Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    return next(iter(difflib.get_close_matches(word, sorted(known), 1)), None)


def _unknown(model: type[BaseModel], path: KeyPath) -> tuple[str, str]:
    owner = _owner(model, path[:-1])
    known = sorted(owner.model_fields) if owner else []
    near = closest(str(path[-1]), known)
    if near:
        return f"is an unknown key; did you mean {near}?", f"rename it to {near}, or remove it"
    return "is an unknown key", f"remove it; known here: {', '.join(known) or 'no keys'}"


def _expected(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if error["loc"][-1:] == ("[key]",) and kind == "string_pattern_mismatch":
        return "expected a name of lower-case letters, digits and underscores that begins with a letter"
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}"
    if kind in _LIMITS:
        bound, words = _LIMITS[kind]
        return f"expected {words} {context[bound]}"
    if kind in _LENGTHS:
        bound, words = _LENGTHS[kind]
        return f"expected {words.format(context[bound])}"
    return _expected_otherwise(kind, context, error["msg"])


def _expected_otherwise(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind in {"literal_error", "enum"}:
        return f"expected {context['expected']}"
    if kind == "string_pattern_mismatch":
        return f"expected a text of the shape {context['pattern']}"
    return message.removeprefix("Value error, ")


def _got(error: ErrorDetails) -> str:
    value = error["input"]
    if isinstance(value, bool):
        return f"got {str(value).lower()}"
    if isinstance(value, float) and error["type"].startswith("int_"):
        return "got a fraction"
    if isinstance(value, int | float):
        return "got a number" if error["type"] in _KINDS and math.isfinite(value) else f"got {value}"
    if isinstance(value, str):
        kind = "a text" if error["type"] in _KINDS else "another text"
        return f"got {kind}" if value else "got an empty text"
    if isinstance(value, dict) and set(value) == {DATE}:
        return "got a date or time"
    return "got a list" if isinstance(value, list) else "got a table"


def _described(model: type[BaseModel], path: KeyPath) -> str:
    field = _field(model, path)
    text = field.description if field and field.description else "see the schema (siak-gateway config schema)"
    return text.rstrip(".")


def _field(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    """The nearest described field at or above a path."""
    for length in range(len(path), 0, -1):
        owner = _owner(model, path[: length - 1])
        field = owner.model_fields.get(str(path[length - 1])) if owner else None
        if field is not None:
            return field
    return None


def _owner(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model that checks the table at a path; None where a plain value or an open table stands."""
    found: type[BaseModel] | None = model
    inside: object = None
    for part in path:
        if found is not None:
            field = found.model_fields.get(str(part))
            if field is None:
                return None
            inside = field.annotation
        found, inside = _peel(inside)
    return found


def _peel(annotation: object) -> tuple[type[BaseModel] | None, object]:
    """The model of a value, or else the annotation of what the container holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, None
    arguments = [part for part in typing.get_args(annotation) if part is not type(None)]
    if typing.get_origin(annotation) is dict:
        return None, arguments[1]
    for part in arguments:
        model, _ = _peel(part)
        if model is not None:
            return model, None
    return None, None
