"""The centre's code lists: numbers in forms, upper-case texts on the wire.

The lists differ between the centre's callers, so a caller may lay its own texts over ours (`CodeList.with_texts`).
What a list does not hold is kept as it came and never refused: the centre adds codes without telling anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.catalogue.bilingual import Bilingual


class Sex(StrEnum):
    """The two values of `JENIS_KLMIN`, spelled as on the wire."""

    MALE = "Laki-Laki"
    FEMALE = "Perempuan"

    @classmethod
    def read(cls, text: str) -> "Sex | None":
        """Read any spelling in use: the wire's, `L`/`P`, `1`/`2`, `LK`/`PR`; `None` for all else."""
        return _SEXES.get(_key(text).replace(" ", "").replace("-", ""))


_SEXES: Final[Mapping[str, Sex]] = MappingProxyType(
    dict.fromkeys(("LAKILAKI", "L", "LK", "1"), Sex.MALE) | dict.fromkeys(("PEREMPUAN", "P", "PR", "2"), Sex.FEMALE)
)


@dataclass(frozen=True, slots=True)
class Coded:
    """A value as a code list reads it.

    Attributes:
        number: The code; `None` when the list does not hold the value.
        text: The list's text, or the value as it came.
    """

    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class CodeList:
    """One code list, both ways.

    Attributes:
        name: Stable name, `snake_case`.
        title: What people call it.
        texts: Text by number, as the centre writes it.
        aliases: Number by other spellings seen on the wire; blanks and case do not matter.
    """

    name: str
    title: Bilingual
    texts: Mapping[int, str]
    aliases: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    _numbers: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spelled = {_key(text): number for number, text in self.texts.items()}
        aliased = {_key(alias): number for alias, number in self.aliases.items()}
        object.__setattr__(self, "texts", MappingProxyType(dict(self.texts)))
        object.__setattr__(self, "aliases", MappingProxyType(dict(self.aliases)))
        object.__setattr__(self, "_numbers", MappingProxyType(aliased | spelled))

    def text(self, number: int) -> str | None:
        """Return the text of a code; `None` when it is not listed."""
        return self.texts.get(number)

    def number(self, text: str) -> int | None:
        """Return the code of a text or alias in any case and spacing; `None` when it is not listed."""
        return self._numbers.get(_key(text))

    def read(self, value: str | int) -> Coded:
        """Read what a form or the wire carries; never refuses.

        Args:
            value: A code as number or digits, or a text in any spelling; outer blanks do not matter.

        Returns:
            Code and text; for a value that is not listed no code and the value itself as text.
        """
        kept = str(value).strip()
        listed = self.number(kept)
        number = listed if listed is not None else _as_number(kept)
        text = self.texts.get(number) if number is not None else None
        return Coded(number=number, text=text) if text is not None else Coded(number=None, text=kept)

    def with_texts(self, texts: Mapping[int, str]) -> "CodeList":
        """Return this list with a caller's own texts over it.

        The texts replaced are still understood when read, unless the caller gave them to another code.

        Args:
            texts: The caller's text by number; numbers not named keep theirs, new ones are added.
        """
        replaced = {self.texts[number]: number for number in texts if number in self.texts}
        return CodeList(
            name=self.name,
            title=self.title,
            texts={**self.texts, **texts},
            aliases={**self.aliases, **replaced},
        )


def _key(text: str) -> str:
    return " ".join(text.upper().split())


def _as_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_CODE else None


_LONGEST_CODE: Final = 3

SEXES: Final = CodeList(
    "jenis_kelamin",
    Bilingual("Jenis kelamin", "Sex"),
    {1: Sex.MALE.value, 2: Sex.FEMALE.value},
    {"L": 1, "P": 2, "LAKI LAKI": 1},
)
RELIGIONS: Final = CodeList(
    "agama",
    Bilingual("Agama", "Religion"),
    {1: "ISLAM", 2: "KRISTEN", 3: "KATHOLIK", 4: "HINDU", 5: "BUDHA", 6: "KHONGHUCU", 7: "KEPERCAYAAN"},
    {
        "KATOLIK": 3,
        "BUDDHA": 5,
        "KONGHUCU": 6,
        "KONG HU CU": 6,
        "KEPERCAYAAN TERHADAP TUHAN YME": 7,
    },
)
MARITAL_STATES: Final = CodeList(
    "status_kawin",
    Bilingual("Status perkawinan", "Marital status"),
    {1: "BELUM KAWIN", 2: "KAWIN", 3: "CERAI HIDUP", 4: "CERAI MATI"},
)
FAMILY_RELATIONS: Final = CodeList(
    "shdk",
    Bilingual("Status hubungan dalam keluarga", "Relation to the head of the family"),
    {
        1: "KEPALA KELUARGA",
        2: "SUAMI",
        3: "ISTRI",
        4: "ANAK",
        5: "MENANTU",
        6: "CUCU",
        7: "ORANGTUA",
        8: "MERTUA",
        9: "FAMILI LAIN",
        10: "PEMBANTU",
        11: "LAINNYA",
    },
    {"ORANG TUA": 7},
)
EDUCATIONS: Final = CodeList(
    "pendidikan",
    Bilingual("Pendidikan terakhir", "Highest education"),
    {
        1: "TIDAK/BELUM SEKOLAH",
        2: "BELUM TAMAT SD",
        3: "TAMAT SD",
        4: "SLTP",
        5: "SLTA",
        6: "DIPLOMA I/II",
        7: "AKADEMI/DIPLOMA III",
        8: "DIPLOMA IV/STRATA I",
        9: "STRATA II",
        10: "STRATA III",
    },
    {
        "BELUM TAMAT SD/SEDERAJAT": 2,
        "TAMAT SD/SEDERAJAT": 3,
        "SLTP/SEDERAJAT": 4,
        "SLTA/SEDERAJAT": 5,
        "AKADEMI/DIPLOMA III/S. MUDA": 7,
        "DIPLOMA IV/ STRATA I": 8,
    },
)
BLOOD_GROUPS: Final = CodeList(
    "golongan_darah",
    Bilingual("Golongan darah", "Blood group"),
    {
        1: "A",
        2: "B",
        3: "AB",
        4: "O",
        5: "A+",
        6: "A-",
        7: "B+",
        8: "B-",
        9: "AB+",
        10: "AB-",
        11: "O+",
        12: "O-",
        13: "TIDAK TAHU",
    },
)
EKTP_STATES: Final = CodeList(
    "ektp_status",
    Bilingual("Status KTP-el", "Electronic identity card status"),
    {
        1: "BELUM WAJIB",
        2: "BELUM REKAM",
        3: "SUDAH REKAM",
        4: "CARD PRINTED",
        5: "PRINT READY RECORD",
        6: "CARD SHIPPED",
        7: "SENT FOR CARD PRINTING",
        8: "CARD ISSUED",
    },
)
BASE_STATES: Final = CodeList(
    "status_dasar",
    Bilingual("Status dasar penduduk", "State of the resident's record"),
    {1: "HIDUP", 2: "MATI", 3: "PINDAH", 4: "HILANG", 6: "PERGI", 9: "TIDAK VALID"},
)

LISTS: Final[Mapping[str, CodeList]] = MappingProxyType(
    {
        listed.name: listed
        for listed in (
            SEXES,
            RELIGIONS,
            MARITAL_STATES,
            FAMILY_RELATIONS,
            EDUCATIONS,
            BLOOD_GROUPS,
            EKTP_STATES,
            BASE_STATES,
        )
    }
)
"""Every code list by name."""
