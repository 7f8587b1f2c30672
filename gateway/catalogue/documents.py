"""The documents of civil registration: what they are called, and which of them an event is not complete without."""

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final
from uuid import UUID

from gateway.catalogue.bilingual import Bilingual

TITLES: Final[Mapping[str, Bilingual]] = MappingProxyType(
    {
        "akta_kelahiran": Bilingual("Akta kelahiran", "Birth certificate"),
        "akta_kematian": Bilingual("Akta kematian", "Death certificate"),
        "akta_perceraian": Bilingual("Akta perceraian", "Divorce certificate"),
        "akta_perubahan": Bilingual("Catatan pinggir atau akta baru", "Marginal note or new certificate"),
        "surat_lahir_mati": Bilingual("Surat keterangan lahir mati", "Certificate of a stillbirth"),
        "skpwni": Bilingual("Surat pindah (SKPWNI)", "Certificate of moving (SKPWNI)"),
        "kk": Bilingual("Kartu keluarga", "Family card"),
        "ktp": Bilingual("KTP-el", "Identity card"),
        "kia": Bilingual("Kartu Identitas Anak", "Identity card of a child"),
        "tanda_terima": Bilingual("Tanda terima pengajuan", "Receipt of a submission"),
    }
)
"""What people call a document, by the centre's name of its kind."""

CARDS: Final = frozenset({"ktp", "kia"})
"""Kinds that are printed on cards, not on paper, and have no PDF."""

_DEED: Final = frozenset({"akta_perubahan"})

NEEDED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "birth": frozenset({"akta_kelahiran", "kk", "kia"}),
        "stillbirth": frozenset({"surat_lahir_mati"}),
        "death": frozenset({"akta_kematian", "kk"}),
        "marriage": frozenset({"ktp", "kk"}),
        "divorce": frozenset({"akta_perceraian", "ktp"}),
        "kk_new": frozenset({"kk"}),
        "kk_change": frozenset({"kk"}),
        "kk_lost": frozenset({"kk"}),
        "biodata": frozenset({"kk"}),
        "move_out": frozenset({"skpwni"}),
        "move_in": frozenset({"kk"}),
        "ktp": frozenset({"ktp"}),
        "kia": frozenset({"kia"}),
        **dict.fromkeys(("acknowledgement", "adoption", "legitimation", "name_change"), _DEED),
        **dict.fromkeys(("nationality_change", "correction", "annulment", "reissue"), _DEED),
    }
)
"""Kinds without which an event of a service is not issued yet; there may be more of them, and others beside."""


def is_complete(service: str, kinds: frozenset[str]) -> bool:
    """Whether all documents of an event exist; of a service not known here, any document will do."""
    return bool(kinds) and NEEDED.get(service, frozenset()) <= kinds


def services_with(kinds: frozenset[str]) -> tuple[str, ...]:
    """The services whose events are complete with exactly these documents."""
    return tuple(service for service, needed in NEEDED.items() if needed == kinds)


def title_of(kind: str) -> Bilingual:
    """What people call a document; one not known here goes by the centre's name of it."""
    return TITLES.get(kind) or Bilingual(kind.replace("_", " "), kind.replace("_", " "))


def document_id(submission: str, kind: str, receipt: str) -> str:
    """A document's id here, wherever it is named: a UUIDv8 (RFC 9562) of its submission's id and the centre's receipt.

    Empty for a card, of which there is nothing to fetch.
    """
    if kind in CARDS:
        return ""
    drawn = int.from_bytes(sha256(f"document\x00{submission}\x00{receipt}".encode()).digest()[:16])
    return str(UUID(int=drawn & ~(0xF << 76) & ~(0b11 << 62) | 0x8 << 76 | 0b10 << 62))
