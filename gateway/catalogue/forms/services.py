"""The services that can be handed in: what people call them, how urgent they are, and the versions of their forms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from gateway.catalogue.bilingual import Bilingual
from gateway.contract.messages import Priority


@dataclass(frozen=True, slots=True)
class FormService:
    """One service with a form.

    Attributes:
        name: The centre's name of it, `snake_case`.
        title: What people call it.
        priority: Class of its submissions, whoever hands them in.
        versions: Versions of its form that can be read, oldest first; each has its file.
        ended: Last day of filing under a version that is taken no more.
    """

    name: str
    title: Bilingual
    priority: Priority = Priority.COUNTER
    versions: tuple[int, ...] = (1,)
    ended: Mapping[int, date] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def current(self) -> int:
        """The version new programs should use."""
        return self.versions[-1]


_URGENT: Final = Priority.URGENT

SERVICES: Final[Mapping[str, FormService]] = MappingProxyType(
    {
        service.name: service
        for service in (
            FormService("birth", Bilingual("Pencatatan kelahiran", "Registration of a birth"), _URGENT, (1, 2)),
            FormService("stillbirth", Bilingual("Pencatatan lahir mati", "Registration of a stillbirth"), _URGENT),
            FormService("death", Bilingual("Pencatatan kematian", "Registration of a death"), _URGENT, (1, 2)),
            FormService("marriage", Bilingual("Pencatatan perkawinan", "Registration of a marriage")),
            FormService("divorce", Bilingual("Pencatatan perceraian", "Registration of a divorce")),
            FormService("kk_new", Bilingual("KK baru", "New family card")),
            FormService("kk_change", Bilingual("Perubahan KK", "Change of a family card")),
            FormService("kk_lost", Bilingual("KK hilang atau rusak", "Lost or damaged family card")),
            FormService("biodata", Bilingual("Perubahan biodata", "Change of biodata")),
            FormService("ktp", Bilingual("Pencetakan KTP-el", "Print of an identity card")),
            FormService("kia", Bilingual("Kartu Identitas Anak", "Identity card of a child")),
            FormService("move_out", Bilingual("Pindah keluar (SKPWNI)", "Moving out (SKPWNI)")),
            FormService("move_in", Bilingual("Pindah datang", "Moving in")),
            FormService("acknowledgement", Bilingual("Pengakuan anak", "Acknowledgement of a child")),
            FormService("adoption", Bilingual("Pengangkatan anak", "Adoption of a child")),
            FormService("legitimation", Bilingual("Pengesahan anak", "Legitimation of a child")),
            FormService("name_change", Bilingual("Perubahan nama", "Change of name")),
            FormService("nationality_change", Bilingual("Perubahan kewarganegaraan", "Change of nationality")),
            FormService("correction", Bilingual("Pembetulan akta", "Correction of a certificate")),
            FormService("annulment", Bilingual("Pembatalan akta", "Annulment of a certificate")),
            FormService("reissue", Bilingual("Penerbitan kembali akta", "Re-issue of a certificate")),
        )
    }
)
"""Every service that can be handed in, by name."""
