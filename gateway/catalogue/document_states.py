"""What becomes of documents and of papers under a code, in the words people read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.catalogue.bilingual import Bilingual

STATES: Final[Mapping[str, Bilingual]] = MappingProxyType(
    {
        "fetching": Bilingual("sedang diambil dari pusat", "being fetched from the centre"),
        "ready": Bilingual("siap cetak", "ready to print"),
        "refused": Bilingual("ditolak: jangan dicetak", "refused: must not be printed"),
        "replaced": Bilingual("sudah diganti", "replaced"),
        "void": Bilingual("tidak berlaku", "void"),
    }
)
"""What each state of a document is called."""

REASONS: Final[Mapping[str, Bilingual]] = MappingProxyType(
    {
        "newer": Bilingual("Dokumen yang lebih baru sudah terbit.", "A newer one was issued."),
        "data_changed": Bilingual("Datanya sudah berubah; ajukan cetak yang baru.", "Its data changed; ask anew."),
        "unreadable": Bilingual("Berkas dari pusat rusak.", "What the centre sent is damaged."),
        "too_large": Bilingual("Berkas dari pusat terlalu besar.", "What the centre sent is too large."),
        "unsigned": Bilingual("Tidak bertanda tangan elektronik.", "It bears no electronic signature."),
        "several_signatures": Bilingual("Tanda tangannya lebih dari satu.", "It bears more than one signature."),
        "not_whole": Bilingual(
            "Tanda tangan tidak mencakup seluruh berkas.", "The signature does not cover the whole file."
        ),
        "changed": Bilingual("Isi berubah setelah ditandatangani.", "It was changed after it was signed."),
        "untrusted": Bilingual("Penanda tangan tidak dikenal.", "The signer is not one that is trusted."),
        "too_costly": Bilingual("Berkas tidak dapat diperiksa.", "The file could not be checked."),
        "another": Bilingual("Simpanan tidak sama dengan yang diterima.", "What is stored is not what was received."),
        "damaged": Bilingual("Simpanan rusak.", "What was stored is damaged."),
        "unknown_at_centre": Bilingual("Pusat tidak mengenalnya.", "The centre does not know it."),
    }
)
"""Why a document is in its state; an operator's own words for `void` are not among them."""

FATES: Final[Mapping[str, tuple[Bilingual, Bilingual]]] = MappingProxyType(
    {
        "final": (
            Bilingual("Asli dan berlaku", "Genuine and valid"),
            Bilingual(
                "Kertas dengan kode ini kami kenal dan masih berlaku.",
                "A paper with this code is known here and holds.",
            ),
        ),
        "provisional": (
            Bilingual("Asli, sementara", "Genuine, provisional"),
            Bilingual(
                "Kertas ini berlaku sementara, sampai ada dokumen tetapnya.",
                "This paper holds for a while, until the final document is there.",
            ),
        ),
        "replaced": (
            Bilingual("Sudah diganti", "Replaced"),
            Bilingual(
                "Kertas ini pernah berlaku; sekarang sudah ada yang lebih baru.",
                "This paper was genuine; a newer one holds in its place.",
            ),
        ),
        "void": (
            Bilingual("Tidak berlaku", "Void"),
            Bilingual(
                "Kertas ini pernah terbit, tetapi sudah dibatalkan.", "This paper was issued, but holds no more."
            ),
        ),
        "expired": (
            Bilingual("Kedaluwarsa", "Expired"),
            Bilingual("Masa berlaku kertas ini sudah lewat.", "The time for which this paper held is over."),
        ),
        "unknown": (
            Bilingual("Tidak dikenal", "Not known"),
            Bilingual(
                "Kode ini tidak kami kenal. Periksa lagi hurufnya; bila tetap begini, jangan percaya kertasnya.",
                "This code is not known here. Check its letters; if it stays so, do not trust the paper.",
            ),
        ),
    }
)
"""What `/check/{code}` says: in two words, and in a sentence."""
