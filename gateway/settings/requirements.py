"""Papers that a region requires beyond the nation's, or spares, each from a day on: the tables `[requirements.<name>]`.

A table adds a paper to a service, replaces one of the same name, or lifts it (`any_of = []`), within its region and its
days; what counts is the day of the first hand-in. The nearer region's word counts, as in the catalogue.
"""

from __future__ import annotations

import difflib
import re
from datetime import date
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from gateway.catalogue import regions
from gateway.catalogue.forms import schemas
from gateway.catalogue.forms.requirements import Profile, Requirement, kinds, product_profiles
from gateway.catalogue.forms.services import SERVICES
from gateway.settings.centre import Section
from gateway.settings.rights import Service, VillagePrefix
from gateway.settings.sections import NAME, Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.settings.agreement import Disagreement

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _kind(name: str) -> str:
    if name not in kinds():
        close = difflib.get_close_matches(name, sorted(kinds()), 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"is not a kind of attachment{hint}")
    return name


def _day(text: str) -> str:
    try:
        date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise ValueError("expected a day such as 2026-04-01") from None
    return text


Kind = Annotated[str, AfterValidator(_kind)]
Day = Annotated[str, AfterValidator(_day)]


class RequirementSettings(Section):
    """One paper that a region requires, or spares, from a day on."""

    region: VillagePrefix = Field(description="Code of the province, regency, district or village it holds in.")
    service: Service = Field(description="Service it belongs to, such as death.")
    paper: Annotated[str, Field(pattern=NAME)] = Field(
        description="Its name within the service; one that is there already is replaced."
    )
    any_of: Annotated[tuple[Kind, ...], Field(max_length=20)] = Field(
        description="Kinds of attachment any of which will do; [] lifts the paper."
    )
    since: Day = Field(description='First day of filing it holds for, such as "2026-04-01".')
    until: Day | None = Field(default=None, description="Last day; left out, it holds on.")
    number: Name | None = Field(default=None, description="Field of the form whose number spares the paper.")
    source: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Where it is written, such as Perbup 5/2026."
    )

    def requirement(self) -> Requirement:
        """The same as the catalogue has it."""
        until = None if self.until is None else date.fromisoformat(self.until)
        since = date.fromisoformat(self.since)
        return Requirement(self.service, self.paper, self.any_of, since, until, self.number or "", self.source)

    @property
    def dotted(self) -> str:
        """The region's code with dots."""
        return regions.normalise(self.region) or self.region


def profiles_of(tables: Mapping[str, RequirementSettings]) -> tuple[Profile, ...]:
    """The product's profiles, and one more for each region that a config names."""
    here: dict[str, list[Requirement]] = {}
    for table in tables.values():
        here.setdefault(table.dotted, []).append(table.requirement())
    return (*product_profiles(), *(Profile(region, tuple(many)) for region, many in here.items()))


def requirement_faults(tables: Mapping[str, RequirementSettings]) -> Iterator[Disagreement]:
    """What these tables say that can never hold, or against each other."""
    for name, table in tables.items():
        if regions.is_retired_or_wrong(table.region):
            cure = "use the Kemendagri code of a district, regency or province that exists"
            yield ("requirements", name, "region"), "is no region of today's", cure
        if table.until is not None and table.until < table.since:
            yield ("requirements", name, "until"), f"lies before since = {table.since}", "put the later day there"
        if table.number is not None and table.number not in _fields(table.service):
            cure = f"use a field of the form {table.service}, or leave it out"
            yield ("requirements", name, "number"), "is no field of that service's form", cure
        yield from _lifts_nothing(name, table, tables.values())
    yield from _told_twice(tables)


def _lifts_nothing(
    name: str, table: RequirementSettings, tables: Iterable[RequirementSettings]
) -> Iterator[Disagreement]:
    if table.any_of:
        return
    known = [one for profile in product_profiles() for one in profile.requirements if one.any_of]
    known += [one.requirement() for one in tables if one.any_of]
    papers = sorted({one.name for one in known if one.service == table.service})
    if table.paper not in papers:
        said = f"use one of {', '.join(papers)}" if papers else "remove it: that service needs no paper"
        yield ("requirements", name, "paper"), "is lifted, but nobody requires it", said


def _told_twice(tables: Mapping[str, RequirementSettings]) -> Iterator[Disagreement]:
    """Two tables about one paper in one region whose days overlap."""
    seen: dict[tuple[str, str, str], list[tuple[str, RequirementSettings]]] = {}
    for name, table in tables.items():
        others = seen.setdefault((table.dotted, table.service, table.paper), [])
        for other_name, other in others:
            if table.since <= (other.until or "9999") and other.since <= (table.until or "9999"):
                said = f"says on the same days another thing than requirements.{other_name}"
                yield ("requirements", name, "since"), said, "end the older one with until, or remove one of them"
        others.append((name, table))


def _fields(service: str) -> frozenset[str]:
    """The fields of any version of a service's form."""
    return frozenset(
        field for version in SERVICES[service].versions for field in schemas.schema(service, version)["properties"]
    )
