"""JSON bodies: decoded by msgspec on the good path, explained by JSON Schema on the bad one.

msgspec stops at the first fault; people want all of them. So a body that msgspec refuses is run through the same
schema with jsonschema-rs, and each fault is named in both languages without the value that was sent.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import msgspec

from gateway.catalogue.kk import check_kk
from gateway.catalogue.nik import check_nik
from gateway.contract.errors import FieldFault, Invalid
from gateway.http.intake import check_json_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.catalogue.findings import Finding

_PLAIN: dict[str, tuple[str, str]] = {
    "required": ("is required", "wajib diisi"),
    "additionalProperties": ("is not known here", "tidak dikenal di sini"),
    "enum": ("is not one of the allowed values", "bukan salah satu nilai yang diperbolehkan"),
    "minLength": ("is too short", "terlalu pendek"),
    "maxLength": ("is too long", "terlalu panjang"),
    "minimum": ("is too small", "terlalu kecil"),
    "maximum": ("is too large", "terlalu besar"),
    "minItems": ("has too few items", "kurang banyak"),
    "maxItems": ("has too many items", "terlalu banyak"),
    "minProperties": ("has too few entries", "kurang banyak isinya"),
    "maxProperties": ("has too many entries", "terlalu banyak isinya"),
    "anyOf": ("has the wrong type", "jenisnya salah"),
    "pattern": ("does not have the required form", "bentuknya tidak sesuai"),
}
_TYPES_ID = {
    "string": "teks",
    "number": "angka",
    "integer": "bilangan bulat",
    "boolean": "ya/tidak",
    "object": "objek",
    "array": "daftar",
    "null": "kosong",
}
_OTHER = ("is not valid", "tidak sah")


class RawReader:
    """Hands a body on as it came, for routes that answer where another service stood."""

    def check(self, headers: Mapping[str, str]) -> None:
        """Any type and encoding is taken."""

    def read(self, body: bytes) -> bytes:
        """The body itself."""
        return body


class BodyReader:
    """Reads one type of body.

    Args:
        model: msgspec struct that forbids unknown fields.
    """

    def __init__(self, model: type[msgspec.Struct]) -> None:
        self.model = model
        self._decode = msgspec.json.Decoder(model).decode
        self._decode_again = msgspec.json.Decoder(model, strict=False).decode

    def check(self, headers: Mapping[str, str]) -> None:
        """Take plain JSON only.

        Raises:
            Invalid: They announce two things.
            Unsupported: They announce something else.
        """
        check_json_type(headers)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the body (draft 2020-12)."""
        return msgspec.json.schema(self.model)

    @cached_property
    def _validator(self) -> Any:
        return jsonschema_rs.validator_for(self.schema)

    def read(self, body: bytes) -> msgspec.Struct:
        """The decoded body.

        Raises:
            Invalid: It is not JSON, or fields are wrong; every wrong field is named.
        """
        try:
            return self._decode(body)
        except _REFUSED:
            faults = self.faults(body)
        if not faults:
            try:  # what the schema allows and msgspec does not: JSON has one number, so 65.0 is the integer 65
                return self._decode_again(body)
            except _REFUSED:
                faults = (_OUT_OF_RANGE,)
        raise Invalid(faults=faults)

    def faults(self, body: bytes) -> tuple[FieldFault, ...]:
        """Every fault that the schema finds in a body."""
        try:
            value = msgspec.json.decode(body)
        except RecursionError:
            return (_TOO_DEEP,)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return (_NO_JSON,)
        try:
            errors = list(self._validator.iter_errors(value))
        except ValueError:  # msgspec reads up to 1,000 levels, jsonschema-rs 255
            return (_TOO_DEEP,)
        found = (fault for error in errors for fault in _explain(error, value, self.schema))
        return tuple(dict.fromkeys(found))  # unknown names are not repeated, so a thousand of them are a fault or two


_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_TOO_DEEP = FieldFault("", "depth", "The body is nested too deeply.", "Isi terlalu bersarang.")
_NO_JSON = FieldFault("", "json", "The body is not valid JSON.", "Isi bukan JSON yang sah.")
_OUT_OF_RANGE = FieldFault("", "json", "The body holds a value out of range.", "Isi memuat nilai di luar jangkauan.")


def _explain(error: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[FieldFault]:
    kind = error.kind
    keyword = str(error.schema_path[-1])
    path = [str(part) for part in error.instance_path]
    if keyword == "required":
        yield _fault([*path, kind.property], "required", *_PLAIN["required"])
    elif keyword == "additionalProperties":
        yield from _unknown_faults(path, kind.unexpected, _at(schema, error.schema_path[:-1]).get("properties", {}))
    elif keyword == "type":
        yield _type_fault(path, [str(one) for one in kind.types])
    elif keyword == "anyOf":
        yield from _choice_faults(error, path, value, schema)
    elif keyword == "pattern" and path and path[-1] in _NUMBERS:
        yield from _number_faults(path, _at(value, error.instance_path))
    elif keyword == "pattern":
        yield _form_fault(path, _at(schema, error.schema_path[:-1]).get("examples", ()))
    else:
        yield _fault(path, keyword, *_PLAIN.get(keyword, _OTHER))


def _type_fault(path: list[str], wanted: list[str]) -> FieldFault:
    names_id = " atau ".join(_TYPES_ID.get(one, one) for one in wanted)
    return _fault(path, "type", f"must be {' or '.join(wanted)}", f"harus {names_id}")


def _form_fault(path: list[str], examples: Sequence[str]) -> FieldFault:
    english, indonesian = _PLAIN["pattern"]
    if examples:
        english, indonesian = f"{english}, such as {examples[0]}", f"{indonesian}, contohnya {examples[0]}"
    return _fault(path, "pattern", english, indonesian)


def _choice_faults(error: Any, path: list[str], value: Any, schema: Mapping[str, Any]) -> Iterator[FieldFault]:
    """Of several forms the one of the right type is explained; where none is, the types that would be."""
    mistyped = [[one for one in form if _is_mistyped(one, error)] for form in error.kind.context]
    meant = [form for form, wrong in zip(error.kind.context, mistyped, strict=True) if not wrong]
    if len(meant) == 1:
        for one in meant[0]:
            yield from _explain(one, value, schema)
    elif meant:
        yield _fault(path, "anyOf", *_PLAIN["anyOf"])
    else:
        wanted = dict.fromkeys(str(name) for form in mistyped for one in form for name in one.kind.types)
        yield _type_fault(path, [name for name in wanted if name != "null"])


def _is_mistyped(error: Any, choice: Any) -> bool:
    return bool(error.schema_path[-1] == "type" and error.instance_path == choice.instance_path)


def _unknown_faults(path: list[str], unexpected: Sequence[str], known: Mapping[str, Any]) -> Iterator[FieldFault]:
    """An unknown name is the caller's text: it is not repeated, but a known one near it is named."""
    from difflib import get_close_matches  # noqa: PLC0415 # only for bodies that are wrong

    by_plain = {_plain(name): name for name in known}
    for name in unexpected[:_NAMES_LOOKED_AT]:
        near = get_close_matches(_plain(name), by_plain, n=1) if len(name) <= _LONGEST_NAME else []
        english, indonesian = "holds a field that is not known here", "memuat isian yang tidak dikenal"
        for one in near:
            english, indonesian = f"{english}; is {by_plain[one]} meant?", f"{indonesian}; maksudnya {by_plain[one]}?"
        yield _fault(path, "unknown", english, indonesian)


_NAMES_LOOKED_AT = 20
_LONGEST_NAME = 40


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


_NUMBERS: dict[str, Callable[[str], tuple[Finding, ...]]] = {
    "nik": lambda text: check_nik(text).faults,
    "no_kk": lambda text: check_kk(text).faults,
}


def _number_faults(path: list[str], value: object) -> Iterator[FieldFault]:
    findings = _NUMBERS[path[-1]](str(value))
    for finding in findings:
        yield FieldFault(_pointer(path), finding.code, finding.text.en, finding.text.id)
    if not findings:  # right once cleaned: the API wants it clean
        yield _fault(path, "pattern", "must be 16 digits and nothing else", "harus tepat 16 angka tanpa tanda lain")


def _at(value: Any, path: Any) -> Any:
    for part in path:
        value = value[part]
    return value


def _fault(path: list[str], code: str, english: str, indonesian: str) -> FieldFault:
    name = path[-1] if path else "the body"
    name_id = path[-1] if path else "isi"
    end = "" if english.endswith("?") else "."
    return FieldFault(_pointer(path), code, f"{name} {english}{end}", f"{name_id} {indonesian}{end}")


def _pointer(path: list[str]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
