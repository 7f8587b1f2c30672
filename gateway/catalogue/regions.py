"""Provinces, regencies, districts and villages by Kemendagri code.

Codes nest: `35` province, `35.27` regency or city, `35.27.01` district, `35.27.01.2003` village. The dots may be left
out (`3527012003`, as in a NIK). Everything is matched by code and never by name, since names vary between editions;
codes retire, so an unknown one is a reason to warn, never to refuse. Nothing here raises: what is not listed is
`None` or empty.

Listed are all 38 provinces, and every district and village of the regencies whose file is under `data/` (source and
licence in `data/LICENSE.md`). A further regency is a further `wilayah_<code>.csv` there.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Final

_CODE: Final = re.compile(r"(\d\d)(?:\.?(\d\d)(?:\.?(\d\d)(?:\.?(\d{4}))?)?)?", re.ASCII)
_LONGEST: Final = len("35.27.01.2003")


class Level(StrEnum):
    """How deep in the tree a region lies; the name of the level is the value."""

    PROVINCE = "province"
    REGENCY = "regency"
    DISTRICT = "district"
    VILLAGE = "village"


_LEVELS: Final = tuple(Level)


@dataclass(frozen=True, slots=True)
class Region:
    """One region.

    Attributes:
        code: Dotted Kemendagri code, `35.27.01.2003`.
        name: Official name of the edition the data come from; for display only.
        level: Province, regency (kabupaten or kota), district (kecamatan) or village (desa or kelurahan).
        parent: Dotted code of the region above; `None` for a province.
    """

    code: str
    name: str
    level: Level
    parent: str | None

    @property
    def digits(self) -> str:
        """The code without dots, as NIK, KK and most forms carry it."""
        return self.code.replace(".", "")

    @property
    def is_kelurahan(self) -> bool:
        """Whether this village is a kelurahan (village part 1xxx), not a desa (2xxx)."""
        return self.level is Level.VILLAGE and self.code[-4] == "1"


@dataclass(frozen=True, slots=True)
class _Tree:
    by_code: Mapping[str, Region]
    children: Mapping[str | None, tuple[Region, ...]]


def normalise(code: str) -> str | None:
    """Return a region code in its dotted form.

    Args:
        code: Dotted or undotted, of 2, 4, 6 or 10 digits; blanks around it are ignored.

    Returns:
        The dotted code, whether listed or not; `None` for anything that is no region code.
    """
    text = code.strip() if len(code) <= 4 * _LONGEST else ""
    match = _CODE.fullmatch(text)
    return ".".join(part for part in match.groups() if part) if match else None


@lru_cache(maxsize=4096)
def find(code: str) -> Region | None:
    """Return the listed region of any level with this code, dotted or not."""
    dotted = normalise(code)
    return _tree().by_code.get(dotted) if dotted else None


def known(code: str) -> bool:
    """Whether this code, dotted or not, is listed."""
    return find(code) is not None


def village(code: str) -> Region | None:
    """Return the village with this code; `None` also for a code of a higher level."""
    region = find(code)
    return region if region and region.level is Level.VILLAGE else None


def children(code: str) -> tuple[Region, ...]:
    """Return the listed regions one level below this one, in order of code."""
    return _tree().children.get(normalise(code) or "", ())


def provinces() -> tuple[Region, ...]:
    """Return all provinces in order of code."""
    return _tree().children[None]


def villages(code: str) -> tuple[Region, ...]:
    """Return every listed village within a region of any level, itself included, in order of code."""
    region = find(code)
    if region is None:
        return ()
    if region.level is Level.VILLAGE:
        return (region,)
    return tuple(found for child in children(region.code) for found in villages(child.code))


def lineage(code: str) -> tuple[Region, ...]:
    """Return the listed regions from the province down to this one; empty when the code itself is not listed."""
    region = find(code)
    if region is None:
        return ()
    return (*(lineage(region.parent) if region.parent else ()), region)


def is_retired_or_wrong(code: str) -> bool:
    """Whether the data can tell that no such region exists today.

    A code below a region whose children we do not list (another regency's district) is none of our knowledge: `False`.

    Args:
        code: Dotted or undotted code of any level.
    """
    dotted = normalise(code)
    if dotted is None:
        return True
    if dotted in _tree().by_code:
        return False
    parent, _, _ = dotted.rpartition(".")
    if not parent:
        return True
    return is_retired_or_wrong(parent) or (parent.count(".") > 0 and bool(children(parent)))


@cache
def _tree() -> _Tree:
    by_code = {region.code: region for region in sorted(_read_all(), key=lambda region: region.code)}
    below: defaultdict[str | None, list[Region]] = defaultdict(list)
    for region in by_code.values():
        below[region.parent].append(region)
    return _Tree(
        by_code=MappingProxyType(by_code),
        children=MappingProxyType({parent: tuple(regions) for parent, regions in below.items()}),
    )


def _read_all() -> Iterable[Region]:
    for entry in resources.files(__package__).joinpath("data").iterdir():
        if entry.name.endswith(".csv"):
            rows = csv.DictReader(entry.read_text(encoding="utf-8").splitlines())
            yield from (_region(row["code"], row["name"]) for row in rows)


def _region(code: str, name: str) -> Region:
    parent, _, _ = code.rpartition(".")
    return Region(code=code, name=name, level=_LEVELS[code.count(".")], parent=parent or None)
