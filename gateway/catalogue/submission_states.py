"""The states of a submission in the words people read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.catalogue.bilingual import Bilingual
from gateway.contract.submissions import SubmissionState

LABELS: Final[Mapping[SubmissionState, Bilingual]] = MappingProxyType(
    {
        SubmissionState.IN_REVIEW: Bilingual("diverifikasi", "being checked"),
        SubmissionState.RETURNED: Bilingual("belum lengkap", "incomplete"),
        SubmissionState.QUEUED: Bilingual("antre pusat", "waiting for the centre"),
        SubmissionState.SENDING: Bilingual("dikirim", "being sent"),
        SubmissionState.UNKNOWN: Bilingual("menunggu kepastian", "waiting for certainty"),
        SubmissionState.DELIVERED: Bilingual("diproses pusat", "with the centre"),
        SubmissionState.ISSUED: Bilingual("terbit", "issued"),
        SubmissionState.REJECTED: Bilingual("ditolak", "rejected"),
        SubmissionState.ATTENTION: Bilingual("perlu petugas", "needs an officer"),
        SubmissionState.CANCELLED: Bilingual("dibatalkan", "cancelled"),
        SubmissionState.EXPIRED: Bilingual("kedaluwarsa", "expired"),
    }
)
"""What each state is called; shown on desks, status pages and in messages."""

NEXT_STEPS: Final[Mapping[SubmissionState, Bilingual]] = MappingProxyType(
    {
        SubmissionState.IN_REVIEW: Bilingual("Petugas sedang memeriksa berkas.", "An officer is checking the papers."),
        SubmissionState.RETURNED: Bilingual(
            "Lengkapi berkas, lalu ajukan lagi.", "Complete the papers, then hand them in again."
        ),
        SubmissionState.QUEUED: Bilingual(
            "Tersimpan di sini; dikirim begitu gilirannya tiba.", "Stored here; it is sent when its turn comes."
        ),
        SubmissionState.SENDING: Bilingual("Sedang dikirim ke pusat.", "It is on its way to the centre."),
        SubmissionState.UNKNOWN: Bilingual(
            "Sudah dikirim; pusat ditanya apakah sudah diterima. Jangan ajukan lagi.",
            "It was sent; the centre is being asked whether it arrived. Do not hand it in again.",
        ),
        SubmissionState.DELIVERED: Bilingual("Pusat sedang memproses.", "The centre is working on it."),
        SubmissionState.ISSUED: Bilingual("Dokumen sudah terbit.", "The documents exist."),
        SubmissionState.REJECTED: Bilingual(
            "Ditolak pusat; lihat alasannya, lalu ajukan baru.", "The centre rejected it; see why, then file anew."
        ),
        SubmissionState.ATTENTION: Bilingual(
            "Petugas harus melihatnya; tidak ada yang hilang.", "An officer must look at it; nothing is lost."
        ),
        SubmissionState.CANCELLED: Bilingual("Dibatalkan sebelum dikirim.", "Cancelled before it was sent."),
        SubmissionState.EXPIRED: Bilingual(
            "Tidak dilengkapi pada waktunya; ajukan baru.", "Not completed in time; file anew."
        ),
    }
)
"""What happens next, or what to do, in one sentence."""
