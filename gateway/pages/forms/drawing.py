"""From a JSON Schema, what was typed and what is wrong with it to the controls of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.catalogue.bilingual import Bilingual
from gateway.catalogue.forms import schemas
from gateway.catalogue.forms.wording import called
from gateway.pages.forms.dates import shown_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.contract.errors import FieldFault

ROOT: Final = "form"
"""First part of every field's name."""

PLACE: Final = "__n__"
"""Stands for the number of an entry in the one that a script copies."""

_FEW: Final = 7
"""Choices up to here are shown all at once."""

_LONG: Final = 250
"""A text that may be longer gets several lines."""

_SPARE: Final = 5
"""Empty entries of a list where no script can add one."""

_CONTROLS: Final = {"nik": "digits_16", "no_kk": "digits_16", "village": "digits_10", "time": "time", "date": "date"}
_DATE_SAID: Final = Bilingual(
    "harus tanggal yang ada, ditulis tanggal-bulan-tahun, misalnya 31-03-2026.",
    "must be a date of the calendar, written day-month-year, such as 31-03-2026.",
)


@dataclass(frozen=True, slots=True)
class Node:
    """One control, a group of them, or a list of entries.

    Attributes:
        kind: `group`, `list`, `text`, `long`, `digits_16`, `digits_10`, `time`, `date`, `number`, `radios`, `select`
            or `yes`.
        name: Name of the field.
        title: What people call it.
        value: What was typed, as it is shown.
        error: What is wrong with it; None for nothing.
        optional: Whether it may stay empty.
        options: Of a choice: value, Indonesian, English.
        maxlength: Most characters; 0 for no bound.
        unless: Name of the tick that makes it needless; empty for none.
        children: Of a group its controls, of a list its entries.
        blank: Of a list the entry that a script copies.
        spare: Of a list the entries shown where no script runs.
    """

    kind: str
    name: str
    title: Bilingual
    value: str = ""
    error: Bilingual | None = None
    optional: bool = False
    options: tuple[tuple[str, str, str], ...] = ()
    maxlength: int = 0
    unless: str = ""
    children: tuple[Node, ...] = ()
    blank: Node | None = None
    spare: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class FormView:
    """A form as a page shows it.

    Attributes:
        service: Name of the service.
        version: Version of its form.
        title: What people call it.
        paper: The paper form it stands for.
        nodes: Its controls.
        errors: Name of the field (empty where it is none of these) and what is wrong, in the order of the form.
    """

    service: str
    version: int
    title: Bilingual
    paper: str
    nodes: tuple[Node, ...]
    errors: tuple[tuple[str, Bilingual], ...]


def draw(service: str, version: int, values: Mapping[str, Any], faults: Sequence[FieldFault] = ()) -> FormView:
    """A form with what was typed and what is wrong with it.

    Raises:
        KeyError: There is no such form.
    """
    form = schemas.schema(service, version)
    drawing = _Drawing(form, faults)
    nodes = drawing.group(form, values, ROOT)
    order = {name: place for place, name in enumerate(drawing.names)}
    errors = [(name, said) if name in order else ("", said) for name, said in drawing.errors]
    errors.sort(key=lambda each: order.get(each[0], -1))
    return FormView(service, version, schemas.title_of(form), str(form.get("x-paper", "")), nodes, tuple(errors))


class _Drawing:
    """One form being drawn."""

    def __init__(self, form: schemas.Schema, faults: Sequence[FieldFault]) -> None:
        self._form = form
        self.names: list[str] = []
        self.errors = [(each.field.removeprefix("/"), self._worded(each)) for each in faults]
        self.said = dict(reversed(self.errors))

    def _worded(self, fault: FieldFault) -> Bilingual:
        """What is wrong; a date is asked for as pages show it, not as programs write it."""
        parts = fault.field.split("/")[1:]
        path = [int(part) if part.isdecimal() else part for part in parts[1:]]
        if fault.code == "date" and parts[:1] == [ROOT]:
            title = called(self._form, path)
            return Bilingual(f"{title.id} {_DATE_SAID.id}", f"{title.en} {_DATE_SAID.en}")
        return Bilingual(fault.message_id, fault.message)

    def group(self, schema: schemas.Schema, values: object, name: str) -> tuple[Node, ...]:
        """The controls of an object."""
        known = values if isinstance(values, Mapping) else {}
        required = schema.get("required", ())
        return tuple(
            self.node(inner, known.get(key), f"{name}/{key}", optional=key not in required)
            for key, inner in schema.get("properties", {}).items()
        )

    def node(self, schema: schemas.Schema, value: object, name: str, *, optional: bool) -> Node:
        """One control or group."""
        self.names.append(name)
        title, unless = schemas.title_of(schema), str(schema.get("x-unless", ""))
        error = self.said.get(name)
        away = f"{ROOT}/{unless}" if unless else ""
        kind = schema.get("type")
        if kind == "object":
            children = self.group(schema, value, name)
            return Node("group", name, title, error=error, optional=optional, unless=away, children=children)
        if kind == "array":
            return self._list(schema, value, name, optional=optional)
        return Node(
            _control(schema),
            name,
            title,
            _shown(schema, value),
            error,
            optional,
            tuple(_options(schema)),
            int(schema.get("maxLength", 0)),
            away,
        )

    def _list(self, schema: schemas.Schema, value: object, name: str, *, optional: bool) -> Node:
        items, most, least = schema["items"], int(schema["maxItems"]), int(schema.get("minItems", 0))
        given = value if isinstance(value, list) else []
        number = min(max(least, len(given), 1), most)
        spare_to = min(number + _SPARE, most)

        def entry(place: int | str, at: object = None) -> Node:
            needed = isinstance(place, int) and place < least and not optional
            return self.node(items, at, f"{name}/{place}", optional=not needed)

        error = self.said.get(name)
        children = tuple(entry(place, given[place] if place < len(given) else None) for place in range(number))
        blank = entry(PLACE) if number < most else None
        spare = tuple(entry(place) for place in range(number, spare_to))
        title = schemas.title_of(schema)
        return Node(
            "list", name, title, error=error, optional=optional, maxlength=most, children=children, blank=blank,
            spare=spare,
        )  # fmt: skip


def _control(schema: schemas.Schema) -> str:
    if "enum" in schema:
        return "radios" if len(schema["enum"]) <= _FEW else "select"
    kind = schema.get("type")
    if kind in {"boolean", "integer"}:
        return "yes" if kind == "boolean" else "number"
    found = _CONTROLS.get(str(schema.get("x-kind", "")))
    return found or ("long" if schema.get("maxLength", 0) > _LONG else "text")


def _options(schema: schemas.Schema) -> Iterator[tuple[str, str, str]]:
    texts = schema.get("x-texts", {})
    for value in schema.get("enum", ()):
        said = texts.get(str(value), {})
        yield str(value), said.get("id", str(value)), said.get("en", str(value))


def _shown(schema: schemas.Schema, value: object) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "true"
    return shown_date(str(value)) if schema.get("x-kind") == "date" else str(value)
