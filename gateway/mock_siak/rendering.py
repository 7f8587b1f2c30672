"""How a record looks on the wire: the keys an account is granted, in its dialect, inside a Spring page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.mock_siak.accounts import Account
    from gateway.mock_siak.people import Resident

Cell = str | int | None
"""One value of an answer before the dialect is applied."""

_CACHED = 60_000
_BELL = "\x07"


class Renderer:
    """Renders residents as JSON objects for one account and remembers the bytes."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._known: dict[int, tuple[Resident, bytes]] = {}

    def record(self, resident: Resident) -> bytes:
        """The JSON object of one resident with the account's keys only."""
        known = self._known.get(resident.nik)
        if known is None or known[0] is not resident:
            if len(self._known) >= _CACHED:
                self._known.clear()
            known = self._known[resident.nik] = (resident, msgspec.json.encode(self._cells(resident)))
        return known[1]

    def _cells(self, resident: Resident) -> dict[str, Cell]:
        cells = biodata(resident)
        granted = {key: cells[key] for key in self._account.granted}
        if self._account.dialect == "string":
            granted = {key: str(cell) if isinstance(cell, int) else cell for key, cell in granted.items()}
        return _raw_copy(granted) if self._account.quirks else granted


def page(objects: Sequence[bytes], quota_left: int | None, *, bare: bool = False) -> bytes:
    """A Spring page around JSON objects.

    Args:
        objects: What stands in `content`.
        quota_left: `quotaLimiter`, or None for accounts that do not see it.
        bare: `content` is the first object itself, not a list (`ws_server` when nothing is found).
    """
    count = len(objects)
    content = objects[0] if bare else b"[%b]" % b",".join(objects)
    quota = b"" if quota_left is None else b',"quotaLimiter":%d' % quota_left
    return (
        b'{"content":%b,"lastPage":true,"numberOfElements":%d,"sort":null,"totalElements":%d,"firstPage":true,'
        b'"number":0,"size":%d%b}' % (content, count, count, count, quota)
    )


def biodata(resident: Resident) -> dict[str, Cell]:
    """Every key the centre knows of a resident, numbers as numbers, dates `yyyy-mm-dd`."""
    return {**_person(resident), **_place(resident), **_parents(resident), **_card(resident)}


def _person(resident: Resident) -> dict[str, Cell]:
    return {
        "NIK": resident.nik,
        "NAMA_LGKP": resident.name,
        "JENIS_KLMIN": "Perempuan" if resident.female else "Laki-Laki",
        "TMPT_LHR": resident.birth_place,
        "TGL_LHR": resident.born.isoformat(),
        "NO_AKTA_LHR": resident.birth_akta,
        "GOL_DARAH": resident.blood,
        "AGAMA": resident.home.religion,
        "STATUS_KAWIN": resident.marital,
        "TGL_KWN": resident.wed.isoformat() if resident.wed else None,
        "NO_AKTA_KWN": resident.wed_akta,
        "TGL_CRAI": resident.divorced.isoformat() if resident.divorced else None,
        "NO_AKTA_CRAI": resident.divorce_akta,
        "PDDK_AKH": resident.schooling,
        "JENIS_PKRJN": resident.job,
        "STAT_HBKEL": resident.relation,
        "NO_KK": resident.home.no_kk,
    }


def _place(resident: Resident) -> dict[str, Cell]:
    home, village = resident.home, resident.home.village
    return {
        "ALAMAT": home.address,
        "DUSUN": home.hamlet,
        "NO_RT": home.rt,
        "NO_RW": home.rw,
        "NO_KEL": village.village,
        "NO_KEC": village.district,
        "NO_KAB": village.regency,
        "NO_PROP": village.province,
        "KEL_NAME": village.name,
        "KEC_NAME": village.district_name,
        "KAB_NAME": village.regency_name,
        "PROP_NAME": village.province_name,
    }


def _parents(resident: Resident) -> dict[str, Cell]:
    return {
        "NIK_AYAH": resident.father.nik,
        "NAMA_LGKP_AYAH": resident.father.name,
        "NIK_IBU": resident.mother.nik,
        "NAMA_LGKP_IBU": resident.mother.name,
    }


def _card(resident: Resident) -> dict[str, Cell]:
    recorded = resident.ektp_status > 1
    return {
        "EKTP_STATUS": resident.ektp_status,
        "EKTP_CREATED": resident.born.replace(day=1, year=resident.born.year + 17).isoformat() if recorded else None,
        "EKTP_LOCAL_ID": resident.nik if recorded else None,
        "KODE_POS": resident.home.postcode,
        "FOTO": None,
    }


def _raw_copy(cells: dict[str, Cell]) -> dict[str, Cell]:
    """What unclean copies of the register carry: `-` and blanks for null, a leading blank, a non-printing character."""
    raw: dict[str, Cell] = {
        key: ("-" if key.startswith("N") else " ") if cell is None else cell for key, cell in cells.items()
    }
    if isinstance(raw.get("NO_KK"), str):
        raw["NO_KK"] = f" {raw['NO_KK']}"
    if isinstance(raw.get("ALAMAT"), str):
        raw["ALAMAT"] = f"{raw['ALAMAT']}{_BELL}"
    return raw
