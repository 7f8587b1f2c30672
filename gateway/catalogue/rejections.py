"""Why the centre rejected something, in the words people read; the codes are those of the centre's office."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.catalogue.bilingual import Bilingual

REJECTIONS: Final[Mapping[str, Bilingual]] = MappingProxyType(
    {
        "subject_unknown": Bilingual(
            "NIK di formulir tidak ada di data pusat. Periksa NIK-nya, lalu ajukan baru.",
            "A NIK of the form is not in the centre's register. Check it, then file anew.",
        ),
        "subject_deceased": Bilingual(
            "NIK di formulir milik orang yang tercatat meninggal. Bila keliru, hubungi Dinas Dukcapil.",
            "A NIK of the form is that of somebody recorded as deceased. If that is wrong, ask the registry.",
        ),
        "subject_inactive": Bilingual(
            "Data NIK di formulir tidak aktif: ganda, nonaktif, atau pindah. Mintalah diaktifkan di Dinas Dukcapil.",
            "The record of a NIK of the form is a duplicate, inactive or moved away. Ask the registry to mend it.",
        ),
        "kk_unknown": Bilingual(
            "Nomor KK di formulir tidak ada di data pusat. Periksa nomornya, lalu ajukan baru.",
            "The KK number of the form is not in the centre's register. Check it, then file anew.",
        ),
        "already_recorded": Bilingual(
            "Peristiwa ini sudah tercatat di pusat. Tidak perlu diajukan lagi.",
            "This event is in the centre's register already. There is no need to file again.",
        ),
        "data_mismatch": Bilingual(
            "Isi formulir bertentangan dengan data pusat. Cocokkan dengan KK dan KTP, lalu ajukan baru.",
            "The form contradicts the centre's register. Compare it with KK and KTP, then file anew.",
        ),
        "requirement_missing": Bilingual(
            "Berkas syarat kurang. Lengkapi, lalu ajukan baru.",
            "A required paper is missing. Add it, then file anew.",
        ),
        "attachment_illegible": Bilingual(
            "Berkas tidak terbaca. Foto atau pindai ulang, lalu ajukan baru.",
            "A paper cannot be read. Take a new picture or scan, then file anew.",
        ),
        "signature_missing": Bilingual(
            "Tanda tangan atau cap tidak ada. Lengkapi, lalu ajukan baru.",
            "A signature or stamp is missing. Add it, then file anew.",
        ),
    }
)
"""What each code means and what to do now."""


def words_of(code: str) -> Bilingual:
    """What a code means; one not known here is named, so that an officer can ask for it."""
    return REJECTIONS.get(code) or Bilingual(
        f"Ditolak pusat dengan kode {code}. Tanyakan artinya ke Dinas Dukcapil.",
        f"The centre rejected it with the code {code}. Ask the registry what it means.",
    )
