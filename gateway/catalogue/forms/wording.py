"""What is wrong with one field of a form, in words a clerk understands; no text holds the value that was sent."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.catalogue.bilingual import Bilingual
from gateway.catalogue.forms.schemas import Schema, field_at, title_of
from gateway.catalogue.kk import check_kk
from gateway.catalogue.nik import check_nik
from gateway.contract.errors import FieldFault

Path = Sequence[str | int]

_KINDS: Final = {
    "text": Bilingual(
        "harus berisi huruf atau angka, tanpa ganti baris.", "must hold letters or digits, without line breaks."
    ),
    "date": Bilingual(
        "harus tanggal yang ada, ditulis tahun-bulan-tanggal, misalnya 2026-03-31.",
        "must be a date of the calendar, written year-month-day, such as 2026-03-31.",
    ),
    "time": Bilingual("harus jam dan menit, misalnya 07:30.", "must be hours and minutes, such as 07:30."),
    "village": Bilingual("harus kode sepuluh angka.", "must be a code of ten digits."),
    "no_kk": Bilingual("harus tepat 16 angka tanpa tanda lain.", "must be 16 digits and nothing else."),
    "nik": Bilingual("harus tepat 16 angka tanpa tanda lain.", "must be 16 digits and nothing else."),
}
_TYPES: Final = {
    "string": Bilingual("harus berupa teks.", "must be a text."),
    "integer": Bilingual("harus bilangan bulat.", "must be a whole number."),
    "boolean": Bilingual("harus ya atau tidak.", "must be true or false."),
    "object": Bilingual("harus berupa kelompok isian.", "must be a group of fields."),
    "array": Bilingual("harus berupa daftar.", "must be a list."),
}
_REQUIRED: Final = Bilingual("wajib diisi.", "is required.")
_UNKNOWN: Final = Bilingual("memuat isian yang tidak dikenal.", "holds a field that is not known.")
_TWICE: Final = Bilingual("memuat isi yang sama dua kali.", "holds the same entry twice.")
_ODD: Final = Bilingual("tidak sah.", "is not valid.")
_LIMITS: Final = {
    "maxLength": Bilingual("paling panjang {} huruf.", "must have at most {} characters."),
    "minimum": Bilingual("paling kecil {}.", "must be {} or more."),
    "maximum": Bilingual("paling besar {}.", "must be {} or less."),
    "minItems": Bilingual("paling sedikit {}.", "must be at least {}."),
    "maxItems": Bilingual("paling banyak {}.", "must be at most {}."),
    "minProperties": Bilingual("paling sedikit {} isian.", "needs {} field or more."),
}


def fault(form: Schema, path: Path, code: str, said: Bilingual) -> FieldFault:
    """Name one field's fault: its titles from the form's schema, then what is said of it."""
    name = called(form, path)
    return FieldFault(pointer(("form", *path)), code, f"{name.en} {said.en}", f"{name.id} {said.id}")


def pointer(path: Path) -> str:
    """Return the JSON pointer of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def called(form: Schema, path: Path) -> Bilingual:
    """Return what people call a field with the groups it stands in, such as `Saksi 2: NIK`."""
    if not path:
        return Bilingual("Formulir", "The form")
    found: list[Bilingual] = []
    for depth, part in enumerate(path, 1):
        title = title_of(field_at(form, path[:depth]))
        if isinstance(part, int):
            found[-1] = Bilingual(f"{title.id} {part + 1}", f"{title.en} {part + 1}")
        else:
            found.append(title)
    return Bilingual(": ".join(title.id for title in found), ": ".join(title.en for title in found))


def wrong_type(form: Schema, path: Path) -> FieldFault:
    """Name a field that holds another type than the form's."""
    return fault(form, path, "type", _TYPES.get(field_at(form, path).get("type", ""), _ODD))


def explained(form: Schema, error: Any, value: Any) -> Iterator[FieldFault]:
    """Put one finding of the JSON Schema validator in words.

    Args:
        form: The form's schema.
        error: What the validator found.
        value: The form that was checked.
    """
    path, keyword = list(error.instance_path), str(error.schema_path[-1])
    if keyword == "required":
        yield fault(form, [*path, error.kind.property], "required", _REQUIRED)
    elif keyword == "additionalProperties":  # an unknown name is the caller's text: it is not repeated
        yield fault(form, path, "unknown", _UNKNOWN)
    elif keyword == "type":
        yield wrong_type(form, path)
    elif keyword in ("pattern", "format"):
        yield from _misshapen(form, path, _at(value, path))
    elif keyword == "enum":
        yield fault(form, path, "enum", _choices(field_at(form, path)))
    elif keyword == "uniqueItems":
        yield fault(form, path, "twice", _TWICE)
    else:
        said = _LIMITS.get(keyword, _ODD)
        limit = field_at(form, path).get(keyword)
        yield fault(form, path, keyword, Bilingual(said.id.format(limit), said.en.format(limit)))


def _misshapen(form: Schema, path: Path, value: str) -> Iterator[FieldFault]:
    kind = field_at(form, path).get("x-kind", "")
    findings = check_nik(value).faults if kind == "nik" else check_kk(value).faults if kind == "no_kk" else ()
    for finding in findings:
        said = Bilingual(f"salah: {finding.text.id}", f"is wrong: {finding.text.en}")
        yield fault(form, path, finding.code, said)
    if not findings:
        yield fault(form, path, kind or "pattern", _KINDS.get(kind, _ODD))


def _choices(field: Schema) -> Bilingual:
    texts = field.get("x-texts", {})
    indonesian = ", ".join(code if text["id"] == code else f"{code} ({text['id']})" for code, text in texts.items())
    english = ", ".join(code if text["en"] == code else f"{code} ({text['en']})" for code, text in texts.items())
    return Bilingual(f"harus salah satu dari: {indonesian}.", f"must be one of: {english}.")


def _at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value
