"""The keys of a centre answer: what each holds, how delicate it is, and which of them can be verified.

The wire's own upper-case names are the field names everywhere in the gateway: rights grant by them, the native API
answers with them, the audit lists them. Source: the answers of the Dukcapil web service as its public clients read
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.catalogue import codes
from gateway.catalogue.bilingual import Bilingual
from gateway.catalogue.codes import CodeList


class Kind(StrEnum):
    """What a field holds on the wire."""

    TEXT = "text"
    NUMBER = "number"
    """Digits that are a name, not a quantity: NIK, KK, region numbers. JSON number or string by account; unpadded."""
    CODE = "code"
    """The text of a code list."""
    DATE = "date"
    """`yyyy-mm-dd`."""
    IMAGE = "image"


class Sensitivity(StrEnum):
    """How delicate a field is; the default base for rights, masks and retention."""

    GENERAL = "general"
    IDENTIFIER = "identifier"
    """Finds a person: never in URLs, logs or metrics, and stored only encrypted or as a keyed index."""
    SENSITIVE = "sensitive"
    """Not specific by law, but misused: a mother's name serves as a secret at banks."""
    SPECIFIC = "specific"
    """Specific personal data by law (UU 27/2022): health, biometrics."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an answer.

    Attributes:
        name: The wire's own upper-case name.
        title: What people call it.
        kind: What it holds.
        sensitivity: How delicate it is.
        code_list: The list its text comes from, when it has one.
    """

    name: str
    title: Bilingual
    kind: Kind
    sensitivity: Sensitivity = Sensitivity.GENERAL
    code_list: CodeList | None = None


def _text(name: str, indonesian: str, english: str, sensitivity: Sensitivity = Sensitivity.GENERAL) -> Field:
    return Field(name, Bilingual(indonesian, english), Kind.TEXT, sensitivity)


def _number(name: str, indonesian: str, english: str, sensitivity: Sensitivity = Sensitivity.GENERAL) -> Field:
    return Field(name, Bilingual(indonesian, english), Kind.NUMBER, sensitivity)


def _date(name: str, indonesian: str, english: str) -> Field:
    return Field(name, Bilingual(indonesian, english), Kind.DATE)


def _code(name: str, code_list: CodeList, sensitivity: Sensitivity = Sensitivity.GENERAL) -> Field:
    return Field(name, code_list.title, Kind.CODE, sensitivity, code_list)


BIODATA: Final = (
    _number("NIK", "NIK", "Population number", Sensitivity.IDENTIFIER),
    _text("NAMA_LGKP", "Nama lengkap", "Full name"),
    _code("JENIS_KLMIN", codes.SEXES),
    _text("TMPT_LHR", "Tempat lahir", "Place of birth"),
    _date("TGL_LHR", "Tanggal lahir", "Date of birth"),
    _text("NO_AKTA_LHR", "Nomor akta kelahiran", "Birth certificate number", Sensitivity.IDENTIFIER),
    _code("GOL_DARAH", codes.BLOOD_GROUPS, Sensitivity.SPECIFIC),
    _code("AGAMA", codes.RELIGIONS),
    _code("STATUS_KAWIN", codes.MARITAL_STATES),
    _date("TGL_KWN", "Tanggal kawin", "Date of marriage"),
    _text("NO_AKTA_KWN", "Nomor akta perkawinan", "Marriage certificate number", Sensitivity.IDENTIFIER),
    _date("TGL_CRAI", "Tanggal cerai", "Date of divorce"),
    _text("NO_AKTA_CRAI", "Nomor akta perceraian", "Divorce certificate number", Sensitivity.IDENTIFIER),
    _code("PDDK_AKH", codes.EDUCATIONS),
    _text("JENIS_PKRJN", "Pekerjaan", "Occupation"),
    _code("STAT_HBKEL", codes.FAMILY_RELATIONS),
    _number("NO_KK", "Nomor KK", "Family card number", Sensitivity.IDENTIFIER),
    _text("ALAMAT", "Alamat", "Address"),
    _text("DUSUN", "Dusun", "Hamlet"),
    _number("NO_RT", "RT", "Neighbourhood unit"),
    _number("NO_RW", "RW", "Community unit"),
    _number("NO_KEL", "Kode desa/kelurahan", "Village code"),
    _number("NO_KEC", "Kode kecamatan", "District code"),
    _number("NO_KAB", "Kode kabupaten/kota", "Regency code"),
    _number("NO_PROP", "Kode provinsi", "Province code"),
    _text("KEL_NAME", "Desa/kelurahan", "Village"),
    _text("KEC_NAME", "Kecamatan", "District"),
    _text("KAB_NAME", "Kabupaten/kota", "Regency"),
    _text("PROP_NAME", "Provinsi", "Province"),
    _number("NIK_AYAH", "NIK ayah", "Father's population number", Sensitivity.IDENTIFIER),
    _text("NAMA_LGKP_AYAH", "Nama lengkap ayah", "Father's full name"),
    _number("NIK_IBU", "NIK ibu", "Mother's population number", Sensitivity.IDENTIFIER),
    _text("NAMA_LGKP_IBU", "Nama lengkap ibu", "Mother's full name", Sensitivity.SENSITIVE),
)
"""The full set of 33 keys of a biodata answer, in the wire's order. Keys an institution is not granted are absent."""

BIODATA_EXTRA: Final = (
    _code("EKTP_STATUS", codes.EKTP_STATES),
    _date("EKTP_CREATED", "Tanggal KTP-el", "Date of the identity card"),
    _text("EKTP_LOCAL_ID", "Nomor lokal KTP-el", "Local number of the identity card", Sensitivity.IDENTIFIER),
    _number("KODE_POS", "Kode pos", "Postal code"),
    Field("FOTO", Bilingual("Foto", "Photograph"), Kind.IMAGE, Sensitivity.SPECIFIC),
)
"""Keys that some institutions are granted beyond the 33."""

FIELDS: Final[Mapping[str, Field]] = MappingProxyType({field.name: field for field in BIODATA + BIODATA_EXTRA})
"""Every field by name."""

BIODATA_NAMES: Final = tuple(field.name for field in BIODATA)
"""Names of the 33 keys, in the wire's order."""

KK_MEMBER_NAMES: Final = (
    "NO_KK",
    "NIK",
    "NAMA_LGKP",
    "JENIS_KLMIN",
    "TMPT_LHR",
    "TGL_LHR",
    "AGAMA",
    "PDDK_AKH",
    "JENIS_PKRJN",
    "GOL_DARAH",
    "STATUS_KAWIN",
    "TGL_KWN",
    "STAT_HBKEL",
    "NIK_AYAH",
    "NAMA_LGKP_AYAH",
    "NIK_IBU",
    "NAMA_LGKP_IBU",
    "ALAMAT",
    "DUSUN",
    "NO_RT",
    "NO_RW",
    "NO_KEL",
    "NO_KEC",
    "NO_KAB",
    "NO_PROP",
    "KEL_NAME",
    "KEC_NAME",
    "KAB_NAME",
    "PROP_NAME",
)
"""Names of the keys of each member in a family card answer: the columns of the printed card (inferred)."""

VERIFY_ELEMENTS: Final = (
    "NO_KK",
    "NAMA_LGKP",
    "TMPT_LHR",
    "TGL_LHR",
    "JENIS_KLMIN",
    "JENIS_PKRJN",
    "STATUS_KAWIN",
    "STAT_HBKEL",
    "PDDK_AKH",
    "AGAMA",
    "NAMA_LGKP_IBU",
    "NO_PROP",
    "PROP_NAME",
    "NO_KAB",
    "KAB_NAME",
    "NO_KEC",
    "KEC_NAME",
    "NO_KEL",
    "KEL_NAME",
    "ALAMAT",
    "NO_RT",
    "NO_RW",
)
"""Names of the elements that can be compared with the centre's record, in the order its clients send them."""

SCORED_ELEMENTS: Final = frozenset({"NAMA_LGKP", "TMPT_LHR", "ALAMAT", "NAMA_LGKP_IBU"})
"""The elements whose verdict carries a score, `Sesuai (100)`; the others only match or do not."""


def sensitivity_of(name: str) -> Sensitivity:
    """Return how delicate a key is; one that is not listed counts as specific, since nobody has judged it yet."""
    field = FIELDS.get(name)
    return field.sensitivity if field else Sensitivity.SPECIFIC
