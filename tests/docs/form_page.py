"""`docs/reference/forms.md`: every form with its fields and papers, drawn from the schemas and the requirements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.catalogue import findings
from gateway.catalogue.forms import schemas
from gateway.catalogue.forms.requirements import kinds, product_profiles
from gateway.catalogue.forms.services import SERVICES
from tests.docs.markdown import head, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.catalogue.forms.services import FormService

_INTRO = """
What is handed in with `POST /v1/submissions` as `form`, by `service` and `version`. Use the current version; older ones
are taken until the day given and can be read for ever. A field in **bold** is required, within its group where it
stands in one. `text` is at most 200 characters without line breaks; NIK and KK numbers are texts of 16 digits, dates
`yyyy-mm-dd`, times `hh:mm`. Fields that are not listed are refused. The papers are the nation's; a region adds to them
or lifts some by `[requirements.<name>]` ([config](config.md)), and `GET /v1/papers?village=…` shows what is needed
there today. Why it is so: [Forms](../explanation/forms.md).

Isian formulir menurut layanan dan versi. Isian yang **tebal** wajib. Lampiran yang bernomor di formulir tidak perlu
dilampirkan.
"""

_CODES = {
    "required": "must be filled in",
    "unknown": "the group holds a field that the form does not have",
    "type": "a text where a number belongs, and the like; also `3.0` for `3`",
    "enum": "none of the list's codes",
    "text": "a blank text, or one with line breaks",
    "date": "no date of the calendar written `yyyy-mm-dd`",
    "time": "no time written `hh:mm`",
    "village": "not ten digits",
    "nik": "right once blanks are taken out of it; the form wants it clean",
    "no_kk": "the same of a family card number",
    **{finding.code: finding.text.en for finding in findings.FAULTS},
    "maxLength": "too long",
    "minimum": "too small a number",
    "maximum": "too large a number",
    "minItems": "too few in a list",
    "maxItems": "too many in a list",
    "minProperties": "nothing in a group that needs something",
    "twice": "the same entry twice in a list, or a field twice in the form",
    "future": "a day after that of the first hand-in",
    "same_person": "one person in two parts that two must play",
    "unknown_village": "a village code that is not listed",
    "unknown_kind": "a kind of attachment that is not listed",
    "missing_attachment": "a required paper is not attached",
    "unknown_service": "no such service",
    "unknown_version": "no such version of the form",
    "version_ended": "a version that is taken no more",
    "json": "the form is no JSON",
}


def page(_root: Path) -> str:
    """Text of the page."""
    return head("Forms", _INTRO) + "".join(_service(service) for service in SERVICES.values()) + _papers()


def _service(service: FormService) -> str:
    text = (
        f"\n## `{service.name}`\n\n{service.title.id} · {service.title.en}. Class: `{service.priority.name.lower()}`.\n"
    )
    for version in reversed(service.versions):
        schema = schemas.schema(service.name, version)
        last = service.ended.get(version)
        taken = f"taken until {last}" if last else "current" if version == service.current else "still taken"
        text += f"\n### `{service.name}` version {version}\n\n"
        text += f"{schema['x-paper']} ({schema['x-source']}), {taken}.\n\n"
        text += table(("field", "Indonesian", "English", "holds"), _fields(schema, ""))
    needed = [one for profile in product_profiles() for one in profile.requirements if one.service == service.name]
    if needed:
        rows = [
            (
                " or ".join(f"`{kind}`" for kind in one.any_of),
                f"`{one.number}` in the form" if one.number else "",
                str(one.since),
                one.source,
            )
            for one in needed
        ]
        text += "\nPapers:\n\n" + table(("attachment", "not needed with", "since", "source"), rows)
    return text


def _fields(schema: Any, before: str) -> Iterator[tuple[str, str, str, str]]:
    """One row for each field, those of groups and lists below them."""
    for name, field in schema["properties"].items():
        shown = f"`{before}{name}`"
        title = schemas.title_of(field)
        required = name in schema["required"]
        yield (f"**{shown}**" if required else shown, title.id, title.en, _holds(field))
        if field["type"] == "object":
            yield from _fields(field, f"{before}{name}/")
        elif field["type"] == "array" and field["items"]["type"] == "object":
            yield from _fields(field["items"], f"{before}{name}/N/")


def _holds(field: Any) -> str:
    if "enum" in field:
        return ", ".join(f"`{code}` {text['id']} ({text['en']})" for code, text in field["x-texts"].items())
    match field["type"]:
        case "object":
            return "group"
        case "array":
            least, most = field["minItems"], field["maxItems"]
            return f"{most if least == most else f'{least} to {most}'} times {_holds(field['items'])}"
        case "integer":
            return f"whole number, {field['minimum']} to {field['maximum']}"
        case "boolean":
            return "`true` or `false`"
    longest = f" of at most {field['maxLength']}" if field.get("maxLength", 200) > 200 else ""
    return f"{field['x-kind']}{longest}"


def _papers() -> str:
    rows = [(f"`{kind}`", text.id, text.en) for kind, text in kinds().items()]
    text = "\n## Kinds of attachment\n\n" + table(("kind", "Indonesian", "English"), rows)
    codes = [(f"`{code}`", said) for code, said in _CODES.items()]
    return text + "\n## What can be wrong\n\n" + table(("code", "means"), codes)
