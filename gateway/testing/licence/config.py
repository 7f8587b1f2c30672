"""Rules on the settings of an extension, read off the JSON Schema of its `Config`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from gateway.testing.licence.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.testing.licence.subject import Subject

_LOW = ("minimum", "exclusiveMinimum")
_HIGH = ("maximum", "exclusiveMaximum")
_WANTED = {"strict": True, "extra": "forbid", "frozen": True}


def strict_config(subject: Subject) -> Iterator[str]:
    """Each model is strict, closed and frozen; each key has a type; each number has bounds."""
    config = subject.cls.Config
    for model in _models(config):
        yield from (
            f"{model.__name__} is not {word}={value!r}"
            for word, value in _WANTED.items()
            if model.model_config.get(word) != value
        )
    for key, schema in _keys(config.model_json_schema()):
        forms = schema.get("anyOf", [schema])
        if not any(word in form for form in forms for word in ("type", "$ref", "enum", "const")):
            yield f"{key} may be anything"
        for form in forms:
            if form.get("type") in {"integer", "number"} and not _bounded(form):
                yield f"{key} is a number without bounds"


def config_documented(subject: Subject) -> Iterator[str]:
    """Each key says what it is for, Indonesian first, English behind a slash."""
    for key, schema in _keys(subject.cls.Config.model_json_schema()):
        indonesian, _, english = schema.get("description", "").partition(" / ")
        if not (indonesian.strip() and english.strip()):
            yield f"{key} is not described as 'Indonesian. / English.'"


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and those its keys are made of."""
    waiting, seen = [model], set()
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        yield each
        for field in each.model_fields.values():
            waiting += _classes(field.annotation)


def _classes(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _classes(part)]


def _keys(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    tables = {"": schema, **schema.get("$defs", {})}
    for name, table in tables.items():
        for key, value in table.get("properties", {}).items():
            yield f"{name}.{key}" if name else key, value


def _bounded(form: dict[str, Any]) -> bool:
    return any(word in form for word in _LOW) and any(word in form for word in _HIGH)


RULES = (
    Rule(
        "strict_config",
        "Its Config names, types and bounds every key.",
        "derive each model from ExtensionConfig and give numbers ge/le",
        strict_config,
        "bronze",
    ),
    Rule(
        "config_documented",
        "Each key is described in Indonesian and English.",
        'Field(description="Salam. / The greeting.")',
        config_documented,
        "silver",
    ),
)
"""What is asked of a `Config`."""
