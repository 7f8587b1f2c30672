"""What the centre says instead of data: the codes 03 to 17 with their exact texts, in three shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.mock_siak.accounts import ErrorShape, Kind

TEXTS: Mapping[str, str] = {
    "03": "Login Gagal",
    "04": "IP Address Tidak Sesuai",
    "05": "Kuota Akses Hari ini telah Habis",
    "06": "Akses Di Luar Jam Layanan",
    "07": "Parameter Tidak Lengkap / Tidak Valid",
    "09": "User, password dan IP tidak boleh kosong",
    "10": "IP Client  Tidak terdaftar",
    "11": "Data Ditemukan, Meninggal Dunia",
    "12": "Data Ditemukan, Data Ganda",
    "13": "Data Tidak Ditemukan, NIK tidak terdapat di database Kependudukan",
    "14": "Data Ditemukan, Status Non Aktif silahkan hubungi Dinas Dukcapil",
    "15": "Data Tidak Ditemukan, NIK tidak sesuai format Dukcapil",
    "16": "Instansi Tidak Aktif",
    "17": "User ID Tidak Aktif",
}
"""Exact texts, spacing included; 06 is ours, for its true text is not known."""

NOT_FOUND_BRIEF = "Data Tidak Ditemukan"
"""What accounts that read data, rather than verify it, get for code 13."""


def refusal(code: str, kind: Kind, shape: ErrorShape) -> dict[str, str]:
    """The object that stands in `content` for `code`, as an account with this `shape` gets it."""
    text = NOT_FOUND_BRIEF if code == "13" and kind != "verify" else TEXTS[code]
    if shape == "respon":
        return {"RESPON": text}
    if shape == "respon_code":
        return {"RESPON": text, "RESPONSE_CODE": code}
    return {"RESPONSE_CODE": code, "RESPONSE_DESC": text, "RESPONSE": text}
