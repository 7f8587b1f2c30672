"""Filled-in forms made from the forms' own schemas, for properties that hold for all of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from gateway.catalogue.forms.requirements import required
from gateway.contract.submissions import AttachmentRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VILLAGE = "3527032001"
FILED_ON = date(2026, 3, 31)
NIKS = tuple(f"352703{day:02d}0190{serial:04d}" for day in (11, 51) for serial in range(1, 31))
Path = tuple[str | int, ...]


def papers(service: str) -> tuple[AttachmentRef, ...]:
    """One attachment for each paper the service needs."""
    return tuple(AttachmentRef("0" * 64, one.any_of[0]) for one in required(service, VILLAGE, FILED_ON))


@st.composite
def filled(draw: st.DrawFn, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A form its schema and the rules allow: nobody in two roles, no day after the day of filing."""
    form: dict[str, Any] = _value(draw, schema, iter(draw(st.permutations(NIKS))))
    return form


def _value(draw: st.DrawFn, schema: Mapping[str, Any], niks: Iterator[str]) -> Any:
    if schema["type"] == "object":
        must = schema["required"] or list(schema["properties"])[: schema.get("minProperties", 0)]
        always = {*must, "mother"}  # a birth without a mother is a case of its own
        wanted = [key for key in schema["properties"] if key in always or draw(st.booleans())]
        return {key: _value(draw, schema["properties"][key], niks) for key in wanted}
    if schema["type"] == "array":
        many = draw(st.integers(schema["minItems"], min(4, schema["maxItems"])))
        return [_value(draw, schema["items"], niks) for _ in range(many)]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if schema["type"] == "integer":
        return draw(st.integers(schema["minimum"], schema["maximum"]))
    return draw(st.booleans()) if schema["type"] == "boolean" else _text(draw, schema, niks)


def _text(draw: st.DrawFn, schema: Mapping[str, Any], niks: Iterator[str]) -> str:
    match schema["x-kind"]:
        case "nik":
            return next(niks)
        case "no_kk":
            return f"352703310326{draw(st.integers(1, 9999)):04d}"
        case "date":
            return str(FILED_ON - timedelta(days=draw(st.integers(0, 20_000))))
        case "time":
            return f"{draw(st.integers(0, 23)):02d}:{draw(st.integers(0, 59)):02d}"
        case "village":
            return VILLAGE
        case _:
            letters = st.characters(exclude_categories=("Cc", "Cs"))
            text = st.text(letters, min_size=1, max_size=schema["maxLength"])
            return draw(text.filter(lambda written: bool(written.strip())))


def places(form: Any, here: Path = ()) -> Iterator[Path]:
    """The path of everything in a form, groups included."""
    yield here
    if isinstance(form, dict):
        for key, inner in form.items():
            yield from places(inner, (*here, key))
    elif isinstance(form, list):
        for place, inner in enumerate(form):
            yield from places(inner, (*here, place))


def at(form: Any, path: Path) -> Any:
    """What stands at a path."""
    for part in path:
        form = form[part]
    return form


def with_value(form: Any, path: Path, value: Any) -> Any:
    """The form with something else at a path."""
    if not path:
        return value
    inner = with_value(form[path[0]], path[1:], value)
    if isinstance(form, list):
        return [inner if place == path[0] else kept for place, kept in enumerate(form)]
    return {**form, path[0]: inner}
