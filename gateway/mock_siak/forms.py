"""What must stand in a form, service by service; every wrong field is named at once.

Only what the centre reads is looked at; the rest of a form is kept unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Fault = dict[str, str]
"""`{"field": JSON pointer, "code": required, type, format or unknown}`."""

_Check = Callable[[object, str], list[Fault]]

_NUMBER = re.compile(r"[0-9]{16}")
_CHANGES = ("name", "birth_place", "blood", "schooling", "job")
_MAX_TEXT, _MAX_MEMBERS = 500, 30


def text(value: object, where: str) -> list[Fault]:
    """A text that is not blank."""
    if not isinstance(value, str):
        return [wrong(where, "type")]
    return [] if value.strip() and len(value) <= _MAX_TEXT else [wrong(where, "format")]


def number(value: object, where: str) -> list[Fault]:
    """A NIK or KK number."""
    return _matching(_NUMBER, value, where)


def day(value: object, where: str) -> list[Fault]:
    """A date `yyyy-mm-dd`."""
    if not isinstance(value, str):
        return [wrong(where, "type")]
    try:
        date.fromisoformat(value)
    except ValueError:
        return [wrong(where, "format")]
    return []


def wrong(where: str, code: str) -> Fault:
    """One wrong field."""
    return {"field": where, "code": code}


def one_of(*choices: str) -> _Check:
    """Any of some words."""

    def check(value: object, where: str) -> list[Fault]:
        return [] if value in choices else [wrong(where, "format" if isinstance(value, str) else "type")]

    return check


def record(required: Mapping[str, _Check], optional: Mapping[str, _Check] | None = None) -> _Check:
    """An object; keys that are not named are let through."""

    def check(value: object, where: str) -> list[Fault]:
        if not isinstance(value, dict):
            return [wrong(where, "type")]
        faults = [wrong(f"{where}/{key}", "required") for key in required if value.get(key) is None]
        for key, inner in {**required, **(optional or {})}.items():
            if value.get(key) is not None:
                faults += inner(value[key], f"{where}/{key}")
        return faults

    return check


def _matching(pattern: re.Pattern[str], value: object, where: str) -> list[Fault]:
    if not isinstance(value, str):
        return [wrong(where, "type")]
    return [] if pattern.fullmatch(value) else [wrong(where, "format")]


def _count(value: object, where: str) -> list[Fault]:
    return [] if isinstance(value, int) and not isinstance(value, bool) and value > 0 else [wrong(where, "type")]


def _members(value: object, where: str) -> list[Fault]:
    if not isinstance(value, list):
        return [wrong(where, "type")]
    if not 1 <= len(value) <= _MAX_MEMBERS or len({str(nik) for nik in value}) != len(value):
        return [wrong(where, "format")]
    return [fault for place, nik in enumerate(value) for fault in number(nik, f"{where}/{place}")]


def _changes(value: object, where: str) -> list[Fault]:
    faults = record({}, dict.fromkeys(_CHANGES, text))(value, where)
    if isinstance(value, dict):
        faults += [wrong(f"{where}/{key}", "unknown") for key in value if key not in _CHANGES]
        faults += [] if value else [wrong(where, "required")]
    return faults


_PERSON = record({"nik": number})
_HOME = record({"address": text}, {"hamlet": text, "rt": _count, "rw": _count})
_CHILD = record({"name": text, "sex": one_of("L", "P"), "birth_date": day, "birth_place": text})
_COUPLE = record({"husband": _PERSON, "wife": _PERSON, "date": day})
_ABOUT_ONE = record({"nik": number})
_ABOUT_CARD = record({"no_kk": number})
_MOVED_IN = record({"members": _members, "home": _HOME})

FORMS: Mapping[str, _Check] = {
    "birth": record({"no_kk": number, "child": _CHILD}, {"father": _PERSON, "mother": _PERSON}),
    "stillbirth": _ABOUT_CARD,
    "death": record({"deceased": record({"nik": number, "date": day})}),
    "marriage": _COUPLE,
    "divorce": _COUPLE,
    "kk_new": _MOVED_IN,
    "kk_change": record({"no_kk": number, "home": _HOME}),
    "kk_lost": _ABOUT_CARD,
    "biodata": record({"nik": number, "changes": _changes}),
    "move_out": record({"members": _members, "destination": text}),
    "move_in": _MOVED_IN,
    **dict.fromkeys(("ktp", "kia"), _ABOUT_ONE),
    **dict.fromkeys(("acknowledgement", "adoption", "legitimation", "name_change"), _ABOUT_ONE),
    **dict.fromkeys(("nationality_change", "correction", "annulment", "reissue"), _ABOUT_ONE),
}
"""The services that can be handed in, and what each form must hold."""

_REFERENCE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_VILLAGE = re.compile(r"[0-9]{10}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_MAX_ATTACHMENTS = 32


def digest(value: object, where: str) -> list[Fault]:
    """A SHA-256 in lower-case hexadecimal."""
    return _matching(_DIGEST, value, where)


def reference(value: object, where: str) -> list[Fault]:
    """A sender's id."""
    return _matching(_REFERENCE, value, where)


def _village(value: object, where: str) -> list[Fault]:
    return _matching(_VILLAGE, value, where)


def _moment(value: object, where: str) -> list[Fault]:
    faults = _matching(_MOMENT, value, where)
    return faults or day(str(value)[:10], where)


def _attachments(value: object, where: str) -> list[Fault]:
    if not isinstance(value, list):
        return [wrong(where, "type")]
    if len(value) > _MAX_ATTACHMENTS:
        return [wrong(where, "format")]
    return [fault for place, name in enumerate(value) for fault in digest(name, f"{where}/{place}")]


_SUBMISSION = record(
    {
        "reference": reference,
        "service": one_of(*FORMS),
        "version": _count,
        "village": _village,
        "subject": number,
        "filed_at": _moment,
        "form": record({}),
    },
    {"attachments": _attachments},
)
_RECORDING = record({"reference": reference, "village": _village, "key_id": text, "packet": digest})
PACKET = record({"nik": number, "recorded_at": _moment})
"""What a packet must hold once it is opened."""


def submission_faults(body: dict[str, Any]) -> list[Fault]:
    """Everything that is wrong with a submission."""
    faults = _SUBMISSION(body, "")
    form, service = body.get("form"), body.get("service")
    if isinstance(form, dict) and isinstance(service, str) and service in FORMS:
        faults += FORMS[service](form, "/form")
    return faults


def recording_faults(body: dict[str, Any]) -> list[Fault]:
    """Everything that is wrong with a recording."""
    return _RECORDING(body, "")
