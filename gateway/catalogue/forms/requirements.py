"""Which papers belong to a form: one national base, and dated profiles of regions over it.

```
requirements/kinds.toml      every kind of attachment and what people call it
requirements/national.toml   the base
requirements/<code>.toml     a region's own, such as 35.27; the nearer region's word counts
```

A profile's requirement replaces one of the same service and name from the region above; with no kinds it lifts it.
What counts is the day the form was first handed in, so a requirement that changes leaves older submissions alone.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from gateway.catalogue import regions
from gateway.catalogue.bilingual import Bilingual
from gateway.catalogue.forms.services import SERVICES

NATION: Final = ""
"""The region of the national base."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One paper that must be there, or one of several.

    Attributes:
        service: Service it belongs to.
        name: Its name within the service, by which a region replaces it.
        any_of: Kinds of attachment any of which will do; none lifts the requirement.
        since: First day of filing it holds for.
        until: Last day, or None while it holds.
        number: Field of the form whose number spares the paper (it can be looked up); empty for none.
        source: Where it is written.
    """

    service: str
    name: str
    any_of: tuple[str, ...]
    since: date
    until: date | None
    number: str
    source: str

    def holds(self, service: str, filed_on: date) -> bool:
        """Whether it speaks of a form of this service that was handed in on that day."""
        return self.service == service and self.since <= filed_on and (self.until is None or filed_on <= self.until)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one region requires.

    Attributes:
        region: Dotted code of a province, regency or district; `NATION` for all.
        requirements: In the order of the file.
    """

    region: str
    requirements: tuple[Requirement, ...]


def read_profile(text: str) -> Profile:
    """Read one profile's TOML.

    Raises:
        ValueError: It is no TOML, names an unknown kind or service, or leaves something out.
    """
    told = tomllib.loads(text)
    try:
        profile = Profile(told["region"], tuple(_requirement(one) for one in told.get("requirement", ())))
    except KeyError as missing:
        raise ValueError(f"a requirement without {missing.args[0]}") from missing
    strange = {kind for one in profile.requirements for kind in one.any_of} - set(kinds())
    strange |= {one.service for one in profile.requirements} - set(SERVICES)
    if strange:
        raise ValueError(f"not known: {', '.join(sorted(strange))}")
    return profile


def required(
    service: str, village: str, filed_on: date, profiles: Iterable[Profile] | None = None
) -> tuple[Requirement, ...]:
    """Return what must be attached to a form.

    Args:
        service: Name of the service.
        village: Code of the village it is filed in, dotted or not.
        filed_on: The day of its first hand-in.
        profiles: The profiles in force; None for those of the product.
    """
    dotted = regions.normalise(village) or ""
    nearer_last = sorted(product_profiles() if profiles is None else profiles, key=lambda profile: len(profile.region))
    counting: dict[str, Requirement] = {}
    for profile in nearer_last:
        if profile.region == NATION or f"{dotted}.".startswith(f"{profile.region}."):
            counting |= {one.name: one for one in profile.requirements if one.holds(service, filed_on)}
    return tuple(one for one in counting.values() if one.any_of)


@cache
def kinds() -> Mapping[str, Bilingual]:
    """Return what people call each kind of attachment, by kind."""
    told = tomllib.loads(_file("kinds.toml"))
    return MappingProxyType({kind: Bilingual(text["id"], text["en"]) for kind, text in told.items()})


@cache
def product_profiles() -> tuple[Profile, ...]:
    """Return the profiles that come with the product, the national base first."""
    folder = resources.files(__package__).joinpath("requirements")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    read = (read_profile(_file(name)) for name in names if name != "kinds.toml")
    return tuple(sorted(read, key=lambda profile: profile.region))


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("requirements", name).read_text(encoding="utf-8")


def _requirement(told: Mapping[str, object]) -> Requirement:
    any_of = told["any_of"]
    if not isinstance(any_of, list):
        raise ValueError("any_of is a list of kinds")  # noqa: TRY004 - a fault of the file, not of a caller
    return Requirement(
        service=str(told["service"]),
        name=str(told["name"]),
        any_of=tuple(str(kind) for kind in any_of),
        since=_day(told["since"]),
        until=_day(told["until"]) if "until" in told else None,
        number=str(told.get("number", "")),
        source=str(told["source"]),
    )


def _day(told: object) -> date:
    if not isinstance(told, date) or isinstance(told, datetime):
        raise ValueError("since and until are dates")  # noqa: TRY004 - a fault of the file, not of a caller
    return told
