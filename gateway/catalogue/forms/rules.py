"""What one field of a form says of another, and of the day of filing; each rule looks only at what has its right shape.

A NIK that disagrees with a sex or a birth date is no fault here: records get corrected while the NIK stays.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from gateway.catalogue import regions
from gateway.catalogue.bilingual import Bilingual

Found = tuple[tuple[str | int, ...], str, Bilingual]
"""Path of the field within the form, code of the fault, what is said of the field."""

Rule = Callable[[Mapping[str, Any], date], Iterator[Found]]

_FUTURE: Final = Bilingual(
    "tidak boleh sesudah tanggal pengajuan.", "must not lie after the day the form is handed in."
)
_SAME_PERSON: Final = Bilingual("tidak boleh orang yang sama dengan {}.", "must not be the same person as {}.")
_UNKNOWN_VILLAGE: Final = Bilingual("tidak ada di daftar desa/kelurahan.", "is not in the list of villages.")
_MOTHER: Final = Bilingual(
    "wajib diisi, kecuali anak tidak diketahui asal usulnya.", "is required unless the child is a foundling."
)


def not_after_filing(*path: str) -> Rule:
    """A date must not lie after the day of filing."""

    def rule(form: Mapping[str, Any], filed_on: date) -> Iterator[Found]:
        told = _date(_at(form, *path))
        if told is not None and told > filed_on:
            yield path, "future", _FUTURE

    return rule


def not_the_same(other: tuple[str | int, ...], called: Bilingual, *paths: tuple[str | int, ...]) -> Rule:
    """The NIK at each path must differ from the one at `other`, whose bearer is called so."""

    def rule(form: Mapping[str, Any], _filed_on: date) -> Iterator[Found]:
        first = _at(form, *other)
        said = Bilingual(_SAME_PERSON.id.format(called.id), _SAME_PERSON.en.format(called.en))
        for path in paths:
            if isinstance(first, str) and _at(form, *path) == first:
                yield path, "same_person", said

    return rule


def mother_or_foundling(form: Mapping[str, Any], _filed_on: date) -> Iterator[Found]:
    """A mother is named unless nobody knows her."""
    if "mother" not in form and form.get("foundling") is not True:
        yield ("mother",), "required", _MOTHER


def listed_village(*path: str) -> Rule:
    """A village code must not be one that the data know not to exist; of regencies not listed nothing is known."""

    def rule(form: Mapping[str, Any], _filed_on: date) -> Iterator[Found]:
        code = _at(form, *path)
        if isinstance(code, str) and len(code) == _VILLAGE and regions.is_retired_or_wrong(code):
            yield path, "unknown_village", _UNKNOWN_VILLAGE

    return rule


def _at(value: Any, *path: str | int) -> Any:
    """What stands at a path; `None` where nothing does."""
    for part in path:
        if isinstance(part, int):
            value = value[part] if isinstance(value, list) and part < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == _DATE else None
    except ValueError:
        return None


_VILLAGE: Final = 10
_DATE: Final = len("2026-03-31")
_W1: Final = ("witnesses", 0, "nik")
_W2: Final = ("witnesses", 1, "nik")
_FATHER: Final = Bilingual("ayah", "the father")
_HUSBAND: Final = Bilingual("suami", "the husband")
_DEAD: Final = Bilingual("almarhum/almarhumah", "the deceased")
_FIRST_WITNESS: Final = Bilingual("saksi 1", "witness 1")
_PARENTS: Final = not_the_same(("father", "nik"), _FATHER, ("mother", "nik"))
_WITNESSES: Final = not_the_same(_W1, _FIRST_WITNESS, _W2)
_COUPLE: Final = not_the_same(("husband", "nik"), _HUSBAND, ("wife", "nik"))
_THE_DEAD: Final = not_the_same(("deceased", "nik"), _DEAD, ("reporter", "nik"), _W1, _W2)
_ADOPTERS: Final = not_the_same(
    ("adopting_father", "nik"), Bilingual("ayah angkat", "the adopting father"), ("adopting_mother", "nik")
)

_BIRTH: Final = (not_after_filing("child", "birth_date"), _PARENTS, _WITNESSES)
_DEATH: Final = (not_after_filing("deceased", "date"), _PARENTS, _WITNESSES, _THE_DEAD)

_RULES: Final[Mapping[tuple[str, int], tuple[Rule, ...]]] = {
    ("birth", 1): _BIRTH,
    ("birth", 2): (*_BIRTH, mother_or_foundling),
    ("stillbirth", 1): (not_after_filing("date"), _PARENTS, _WITNESSES),
    ("death", 1): _DEATH,
    ("death", 2): _DEATH,
    ("marriage", 1): (not_after_filing("date"), _COUPLE, _WITNESSES),
    ("divorce", 1): (not_after_filing("date"), not_after_filing("court", "date"), _COUPLE),
    ("move_out", 1): (listed_village("destination_village"),),
    ("acknowledgement", 1): (not_after_filing("date"), not_after_filing("court", "date"), _PARENTS, _WITNESSES),
    ("adoption", 1): (not_after_filing("court", "date"), _PARENTS, _ADOPTERS),
    ("legitimation", 1): (not_after_filing("marriage_date"), not_after_filing("court", "date"), _PARENTS, _WITNESSES),
    ("name_change", 1): (not_after_filing("court", "date"),),
    ("nationality_change", 1): (not_after_filing("decree_date"),),
    ("annulment", 1): (not_after_filing("court", "date"),),
}


def rules_of(service: str, version: int) -> tuple[Rule, ...]:
    """Return the rules across the fields of a form."""
    return _RULES.get((service, version), ())
