"""A form is checked whole: every wrong field at once, in words a clerk understands.

```
service and version known ─► village ─► JSON Schema ─► rules across fields ─► required papers
```

What passes has everything the centre reads, in the shape it takes; whether it agrees with the register only the centre
can say.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from gateway.catalogue import regions
from gateway.catalogue.bilingual import Bilingual
from gateway.catalogue.forms import schemas
from gateway.catalogue.forms.requirements import Profile, Requirement, kinds, required
from gateway.catalogue.forms.rules import rules_of
from gateway.catalogue.forms.services import SERVICES, FormService
from gateway.catalogue.forms.wording import Path, explained, fault, pointer, wrong_type
from gateway.contract.errors import FieldFault
from gateway.contract.submissions import AttachmentRef, Submission

_NAMED_TWICE: Final = FieldFault(
    "/form", "twice", "A field stands twice in the form.", "Ada isian yang tertulis dua kali dalam formulir."
)
_NO_FORM: Final = FieldFault(
    "/form", "json", "The form cannot be read as JSON.", "Formulir tidak terbaca sebagai JSON."
)


def check_form(
    service: str,
    version: int,
    village: str,
    filed_on: date,
    form: Mapping[str, Any],
    attachments: Sequence[AttachmentRef],
    *,
    profiles: Sequence[Profile] | None = None,
) -> tuple[FieldFault, ...]:
    """Check one filled-in form.

    Args:
        service: Name of the service.
        version: Version of its form.
        village: Code of the village it is filed in.
        filed_on: The day of its first hand-in, where that village is.
        form: The form, decoded.
        attachments: What comes with it.
        profiles: Requirement profiles in force; None for those of the product.

    Returns:
        Every fault with its JSON pointer into the submission; none if the form is well.
    """
    faults = [*_addressed(service, version, village, filed_on)]
    if schemas.known(service, version):
        faults += _filled_in(service, version, filed_on, form)
        faults += _attached(required(service, village, filed_on, profiles), form, attachments)
    of_wrong_type = {found.field for found in faults if found.code == "type"}
    return tuple(dict.fromkeys(found for found in faults if found.code == "type" or found.field not in of_wrong_type))


def check_submission(
    submission: Submission, filed_on: date, profiles: Sequence[Profile] | None = None
) -> tuple[FieldFault, ...]:
    """Check a submission's form as it came; see `check_form`."""
    try:
        form = msgspec.json.decode(submission.form)
        json.loads(bytes(submission.form), object_pairs_hook=_once_each, parse_int=str, parse_float=str)
    except _NamedTwice:
        return (_NAMED_TWICE,)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (_NO_FORM,)
    told = (submission.service, submission.version, submission.village, filed_on, form, submission.attachments)
    return check_form(*told, profiles=profiles)


class _NamedTwice(Exception):
    """A field stands twice in one group: readers would differ in which one counts."""


def _once_each(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _NamedTwice


def version_faults(service: FormService, version: int, filed_on: date) -> tuple[FieldFault, ...]:
    """Return why a form of this version cannot be handed in on that day; empty when it can."""
    if version not in service.versions:
        known = ", ".join(map(str, service.versions))
        english, indonesian = f"This form exists in version {known}.", f"Formulir ini ada dalam versi {known}."
        return (FieldFault("/version", "unknown_version", english, indonesian),)
    last = service.ended.get(version)
    if last is None or filed_on <= last:
        return ()
    english = f"This version was taken until {last}; use version {service.current}."
    indonesian = f"Versi ini diterima sampai {last}; gunakan versi {service.current}."
    return (FieldFault("/version", "version_ended", english, indonesian),)


def _addressed(service: str, version: int, village: str, filed_on: date) -> Iterator[FieldFault]:
    """What is wrong with where it is filed and under which form."""
    if service in SERVICES:
        yield from version_faults(SERVICES[service], version, filed_on)
    else:
        yield FieldFault("/service", "unknown_service", "There is no such service.", "Layanan ini tidak dikenal.")
    if regions.village(village) is None:
        yield FieldFault(
            "/village",
            "unknown_village",
            "The village code is not in the list of villages.",
            "Kode desa/kelurahan tidak ada di daftar.",
        )


def _filled_in(service: str, version: int, filed_on: date, form: Mapping[str, Any]) -> Iterator[FieldFault]:
    """What is wrong with the fields, each by itself and together."""
    described = schemas.schema(service, version)
    form = _trimmed(described, form)
    for path in _fractions(described, form):
        yield wrong_type(described, path)
    for error in schemas.validator(service, version).iter_errors(form):
        yield from explained(described, error, form)
    if isinstance(form, dict):
        for rule in rules_of(service, version):
            for path, code, said in rule(form, filed_on):
                yield fault(described, path, code, said)


def _trimmed(field: schemas.Schema, value: Any) -> Any:
    """Cut a form down to what can matter: nothing below what is not known, no list past the first entry too many.

    So the work and the number of faults are bounded by the schema, whatever was sent.
    """
    if isinstance(value, dict):
        known = field.get("properties", {})
        kept = {key: _trimmed(known[key], inner) for key, inner in value.items() if key in known}
        strange = next((key for key in value if key not in known), None)
        return kept if strange is None else {**kept, strange: None}
    if isinstance(value, list):
        return [_trimmed(field["items"], one) for one in value[: field["maxItems"] + 1]] if "items" in field else []
    return value


def _fractions(field: schemas.Schema, value: object, path: Path = ()) -> Iterator[Path]:
    """Where a number is not written as an integer: JSON Schema takes 3.0 for one, the centre does not."""
    if isinstance(value, dict):
        for key, inner in field.get("properties", {}).items():
            yield from _fractions(inner, value.get(key), (*path, key))
    elif isinstance(value, list) and value:
        for place, one in enumerate(value):
            yield from _fractions(field["items"], one, (*path, place))
    elif isinstance(value, float) and field.get("type") == "integer":
        yield path


def _attached(
    needed: Sequence[Requirement], form: Mapping[str, Any], attachments: Sequence[AttachmentRef]
) -> Iterator[FieldFault]:
    """What is wrong with the papers: kinds nobody knows, and those that are missing."""
    for place, attachment in enumerate(attachments):
        if attachment.kind and attachment.kind not in kinds():
            yield FieldFault(
                pointer(("attachments", place, "kind")),
                "unknown_kind",
                f"Attachment {place + 1} has a kind that is not listed.",
                f"Jenis lampiran {place + 1} tidak ada di daftar.",
            )
    given = {attachment.kind for attachment in attachments}
    for one in needed:
        if given.isdisjoint(one.any_of) and not (one.number and isinstance(form, dict) and form.get(one.number)):
            name = _or([kinds()[kind] for kind in one.any_of])
            yield FieldFault(
                "/attachments", "missing_attachment", f"Missing: {name.en}.", f"Belum dilampirkan: {name.id}."
            )


def _or(names: Sequence[Bilingual]) -> Bilingual:
    return Bilingual("; atau ".join(name.id for name in names), "; or ".join(name.en for name in names))
