"""The PDFs of the centre's documents: what stands on them, drawn and signed when they are fetched, not before.

```
receipt ─► book (case, document) ─► rows and text, from the form and the register ─► typst ─► authority ─► PDF
```

Cards (KTP-el, KIA) are plastic and have none.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.mock_siak.authority import Authority
    from gateway.mock_siak.cases import Case, Document
    from gateway.mock_siak.people import Resident
    from gateway.mock_siak.population import Population
    from gateway.mock_siak.regions import Village

CARDS = frozenset({"ktp", "kia"})
"""Kinds that are no paper."""

Facts = dict[str, Any]
_KEPT = 64
_MONTHS = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November",
    "Desember",
)  # fmt: skip
_TITLES: Mapping[str, tuple[str, str]] = {
    "akta_kelahiran": ("Kutipan Akta Kelahiran", "Excerpt of Birth Certificate"),
    "akta_kematian": ("Kutipan Akta Kematian", "Excerpt of Death Certificate"),
    "akta_perceraian": ("Kutipan Akta Perceraian", "Excerpt of Divorce Certificate"),
    "akta_perubahan": ("Catatan Pinggir", "Marginal Note"),
    "surat_lahir_mati": ("Surat Keterangan Lahir Mati", "Certificate of Stillbirth"),
    "skpwni": ("Surat Keterangan Pindah WNI", "Certificate of Moving"),
}
_EMBLEM = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><path d="M50 4 92 20v32c0 24-18 38-42 44C26 90 8 '
    '76 8 52V20z" fill="none" stroke="#7a5a12" stroke-width="4"/><path d="M50 20l7 20h21L61 52l7 21-18-13-18 13 '
    '7-21-17-12h21z" fill="#7a5a12"/></svg>'
)


class Papers:
    """Draws and signs documents; the last few are remembered, so that a second fetch has the same bytes."""

    def __init__(self, population: Population, authority: Authority) -> None:
        self._population = population
        self._authority = authority
        self._made: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()

    def pdf(self, case: Case, document: Document) -> bytes:
        """A signed A4 PDF of a document that is a paper."""
        drawn = _KK(self._population)(case, document) if document.kind == "kk" else self._akta(case, document)
        told = msgspec.json.encode({**drawn, **_signed(case, document, self._village(case, document))})
        key = (document.receipt, told)
        if key not in self._made:
            self._made[key] = self._authority.sign(_typeset("kk" if document.kind == "kk" else "akta", told))
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return self._made[key]

    def _village(self, case: Case, document: Document) -> Village | None:
        resident = self._population.resident(int(document.nik)) if document.nik else None
        return resident.home.village if resident else self._population.village(case.village)

    def _akta(self, case: Case, document: Document) -> Facts:
        title, title_en = _TITLES.get(document.kind, (document.kind.replace("_", " "), document.kind))
        rows = [("Nomor", "Number", document.number)]
        resident = self._population.resident(int(document.nik)) if document.nik else None
        if resident is not None:
            rows += _about(resident)
        rows += _TOLD.get(document.kind, _nothing)(case.form, self._population)
        text = (
            f"Kutipan ini dikeluarkan berdasarkan {title} nomor {document.number}, pengajuan {case.receipt}, "
            "sesuai dengan data kependudukan pada tanggal penerbitan."
        )
        return {"title": title, "title_en": title_en, "rows": rows, "text": [text]}


class _KK:
    """What stands on a family card."""

    def __init__(self, population: Population) -> None:
        self._population = population

    def __call__(self, _case: Case, document: Document) -> Facts:
        members = self._population.family(int(document.number))
        living = [one for one in members if one.status.value == "active"] or list(members)
        head = living[0]
        home, village = head.home, head.home.village
        return {
            "title": f"Kartu Keluarga {document.number}",
            "number": document.number,
            "head": head.name,
            "left": [
                ("Nama Kepala Keluarga", head.name), ("Alamat", home.address),
                ("RT/RW", f"{home.rt:03d}/{home.rw:03d}"), ("Kode Pos", f"{home.postcode:05d}"),
            ],
            "right": [
                ("Desa/Kelurahan", village.name), ("Kecamatan", village.district_name),
                ("Kabupaten/Kota", village.regency_name), ("Provinsi", village.province_name),
            ],
            "people": [_person(one) for one in living],
            "bonds": [_bonds(one) for one in living],
        }  # fmt: skip


def _person(one: Resident) -> list[str]:
    sex = "PEREMPUAN" if one.female else "LAKI-LAKI"
    born = f"{one.born:%d-%m-%Y}"
    return [
        one.name, f"{one.nik:016d}", sex, one.birth_place, born, one.home.religion, one.schooling, one.job, one.blood,
    ]  # fmt: skip


def _bonds(one: Resident) -> list[str]:
    wed = f"{one.wed:%d-%m-%Y}" if one.wed else "-"
    return [one.marital, wed, one.relation, "WNI", one.father.name or "-", one.mother.name or "-"]


def _about(one: Resident) -> list[tuple[str, str, str]]:
    rows = [
        ("Nama", "Name", one.name), ("NIK", "Identity number", f"{one.nik:016d}"),
        ("Tempat, tanggal lahir", "Place and date of birth", f"{one.birth_place}, {_written(one.born)}"),
        ("Jenis kelamin", "Sex", "PEREMPUAN" if one.female else "LAKI-LAKI"),
    ]  # fmt: skip
    parents = (("Ayah", "Father", one.father.name), ("Ibu", "Mother", one.mother.name))
    return rows + [(word, english, name) for word, english, name in parents if name]


def _couple(form: Facts, population: Population) -> list[tuple[str, str, str]]:
    found = [population.resident(int(form[role]["nik"])) for role in ("husband", "wife")]
    named = [one.name if one else "-" for one in found]
    return [("Suami", "Husband", named[0]), ("Istri", "Wife", named[1]), ("Tanggal", "Date", _day(form["date"]))]


def _died(form: Facts, _population: Population) -> list[tuple[str, str, str]]:
    return [("Meninggal pada", "Died on", _day(form["deceased"]["date"]))]


def _moving(form: Facts, population: Population) -> list[tuple[str, str, str]]:
    found = [population.resident(int(nik)) for nik in form["members"]]
    names = "; ".join(one.name for one in found if one)
    return [("Pindah", "Moving", names), ("Tujuan", "Destination", str(form["destination"]).upper())]


def _household(form: Facts, _population: Population) -> list[tuple[str, str, str]]:
    return [("Nomor KK", "Family card", str(form["no_kk"]))]


def _nothing(_form: Facts, _population: Population) -> list[tuple[str, str, str]]:
    return []


_TOLD: Mapping[str, Callable[[Facts, Population], list[tuple[str, str, str]]]] = {
    "akta_perceraian": _couple,
    "akta_kematian": _died,
    "skpwni": _moving,
    "surat_lahir_mati": _household,
}


def _signed(case: Case, document: Document, village: Village | None) -> Facts:
    """What stands around the signature."""
    place = village.regency_name if village else "KABUPATEN"
    return {
        "receipt": document.receipt,
        "qr": qr(f"SIAK/{document.receipt}"),
        "emblem": _EMBLEM,
        "place": place,
        "date": _written(datetime.fromtimestamp(case.decided_at or 0.0, UTC).date()),
        "office": f"KEPALA DINAS KEPENDUDUKAN DAN PENCATATAN SIPIL {place}",
        "officer": "PEJABAT PENCATATAN SIPIL",
    }


def qr(text: str) -> str:
    """A QR code as SVG."""
    import segno  # noqa: PLC0415 # only who fetches documents waits for it

    out = BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False, svgns=True)
    return out.getvalue().decode()


def _typeset(template: str, told: bytes) -> bytes:
    import typst  # noqa: PLC0415 # only who fetches documents waits for it

    pdf = typst.compile(_source(template), format="pdf", ignore_system_fonts=True, sys_inputs={"paper": told.decode()})
    if not isinstance(pdf, bytes):
        raise TypeError("a paper is one PDF")
    return pdf


@cache
def _source(template: str) -> bytes:
    return (Path(__file__).parent / f"{template}.typ").read_bytes()


def _day(iso: str) -> str:
    return _written(date.fromisoformat(iso))


def _written(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
