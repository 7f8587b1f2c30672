"""The villages residents live in: the vendored Kemendagri codes of Sampang, Kota Serang and Jepara.

Only the CSV files of the catalogue are read (`code,name`, dotted codes); none of its code is imported.
"""

from __future__ import annotations

import csv
from importlib.resources import files

import msgspec

REGENCIES = ("3527", "3673", "3320")
"""Regencies whose villages are populated, the first ones most densely."""


VILLAGE_CODE = len("35.27.01.2001")


class Village(msgspec.Struct, frozen=True, gc=False):
    """One desa or kelurahan with its four codes as numbers and its names as the centre spells them (upper case)."""

    province: int
    regency: int
    district: int
    village: int
    province_name: str
    regency_name: str
    district_name: str
    name: str

    @property
    def code(self) -> str:
        """The ten digits of the village: 3527032001."""
        return f"{self.district_code}{self.village:04d}"

    @property
    def district_code(self) -> int:
        """The six digits a NIK begins with, as a number: 352701."""
        return self.province * 10_000 + self.regency * 100 + self.district


def load_villages() -> tuple[Village, ...]:
    """Read every village of `REGENCIES`, in the order of the files.

    Raises:
        FileNotFoundError: A vendored file is missing from the installation.
    """
    names = dict(row for regency in REGENCIES for row in _rows(regency))
    return tuple(_village(code, names) for code in names if len(code) == VILLAGE_CODE)


def _rows(regency: str) -> list[tuple[str, str]]:
    source = files("gateway") / "catalogue" / "data" / f"wilayah_{regency}.csv"
    with source.open(encoding="utf-8") as lines:
        return [(row["code"], row["name"].upper()) for row in csv.DictReader(lines)]


def _village(code: str, names: dict[str, str]) -> Village:
    province, regency, district, village = code.split(".")
    above = [province, f"{province}.{regency}", f"{province}.{regency}.{district}"]
    return Village(
        int(province),
        int(regency),
        int(district),
        int(village),
        names[above[0]],
        names[above[1]].removeprefix("KABUPATEN "),
        names[above[2]],
        names[code],
    )
