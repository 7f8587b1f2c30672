"""The values of the population: a resident, the home a family shares, and the states a record can be in."""

from __future__ import annotations

import enum
from datetime import date

import msgspec

from gateway.mock_siak.regions import Village


class Status(enum.Enum):
    """What the centre holds about a record; all but `ACTIVE` are answered with a code instead of data."""

    ACTIVE = "active"
    DECEASED = "deceased"
    DUPLICATE = "duplicate"
    INACTIVE = "inactive"
    MOVED = "moved"


class Home(msgspec.Struct, frozen=True, gc=False):
    """A family card and the address its members share."""

    no_kk: int
    village: Village
    address: str
    hamlet: str
    rt: int
    rw: int
    religion: str
    postcode: int
    papuan: bool


class Parent(msgspec.Struct, frozen=True, gc=False):
    """A mother or father as written on the child's record; the NIK is often unknown."""

    nik: int | None
    name: str | None


class Resident(msgspec.Struct, frozen=True, gc=False):
    """One synthetic person as the centre records it; numbers are ints, unknown values None."""

    nik: int
    name: str
    female: bool
    birth_place: str
    born: date
    birth_akta: str | None
    blood: str
    marital: str
    wed: date | None
    wed_akta: str | None
    divorced: date | None
    divorce_akta: str | None
    schooling: str
    job: str
    relation: str
    father: Parent
    mother: Parent
    home: Home
    status: Status
    ektp_status: int
