"""What can be asked of the centre, for which purposes, and how urgent that makes a question.

A question travels in the lowest of three classes: what the caller's key allows, what its service allows, what its
purpose implies. Purposes are configuration; the default set stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.catalogue import fields
from gateway.catalogue.bilingual import Bilingual
from gateway.contract.messages import Priority


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of exchange with the centre.

    Attributes:
        name: Stable name, `snake_case`; config, metrics and breakers use it.
        title: What people call it.
        priority: The most urgent class its exchanges may travel in.
        fields: Names of the keys it can answer with, or compare; none where nothing is asked.
    """

    name: str
    title: Bilingual
    priority: Priority
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a caller asks; granted by its right and kept in the audit.

    Attributes:
        name: The code callers send.
        title: What people call it.
        priority: The class it implies.
    """

    name: str
    title: Bilingual
    priority: Priority


BIODATA: Final = Service(
    "biodata",
    Bilingual("Biodata penduduk", "Resident's biodata"),
    Priority.URGENT,
    fields.BIODATA_NAMES + tuple(field.name for field in fields.BIODATA_EXTRA),
)
FAMILY_CARD: Final = Service(
    "family_card", Bilingual("Kartu keluarga", "Family card"), Priority.URGENT, fields.KK_MEMBER_NAMES
)
VERIFY: Final = Service(
    "verify",
    Bilingual("Verifikasi elemen data", "Verification of data elements"),
    Priority.COUNTER,  # a comparison holds up no birth and no hospital bed
    fields.VERIFY_ELEMENTS,
)

SUBMISSION: Final = Service(
    "submission", Bilingual("Permohonan ke pusat", "Submissions to the centre"), Priority.URGENT, ()
)
RECORDING: Final = Service("recording", Bilingual("Perekaman KTP-el", "KTP-el recordings"), Priority.COUNTER, ())
EVENTS: Final = Service("events", Bilingual("Kabar dari pusat", "News from the centre"), Priority.COUNTER, ())

SERVICES: Final[Mapping[str, Service]] = MappingProxyType(
    {service.name: service for service in (BIODATA, FAMILY_CARD, VERIFY, SUBMISSION, RECORDING, EVENTS)}
)
"""The services of the centre by name: what can be asked, then what is handed in and told."""

PURPOSES: Final[Mapping[str, Purpose]] = MappingProxyType(
    {
        purpose.name: purpose
        for purpose in (
            Purpose("pelayanan", Bilingual("Pelayanan di loket", "Service at a desk"), Priority.COUNTER),
            Purpose("verifikasi", Bilingual("Verifikasi daring", "Online verification"), Priority.ONLINE),
            Purpose("statistik", Bilingual("Statistik", "Statistics"), Priority.BACKGROUND),
        )
    }
)
"""The default purposes by code."""
