"""`manifest.toml` of an extension: who keeps it, where its docs are, and how far its quality goes.

```toml
name = "metrics"
kind = "plugin"
title = "Prometheus metrics"
title_id = "Metrik Prometheus"
owner = "The SIAK gateway maintainers"
docs = "README.md"
tier = "gold"
api_version = 1

[rules]                      # every rule of the tier and of the tiers below it
strict_config = "done"
own_tables = { status = "exempt", reason = "keeps nothing" }
```
"""

import importlib.util
import types
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gateway.contract.extension import API_VERSION
from gateway.settings import ConfigFaults, Source, checked
from gateway.settings.centre import Section
from gateway.settings.locate import lines_of
from gateway.settings.sections import Name
from gateway.settings.syntax import parse, read_text

Tier = Literal["bronze", "silver", "gold"]
Kind = Literal["plugin", "adapter"]

RULES: Mapping[Tier, Mapping[str, str]] = types.MappingProxyType(
    {
        "bronze": types.MappingProxyType(
            {
                "strict_config": "Its Config names, types and bounds every key.",
                "readme": "A README says what it does, for whom, and how it is switched on.",
                "no_personal_data": "Nothing it logs, counts or shows outside its answers identifies a person.",
            }
        ),
        "silver": types.MappingProxyType(
            {
                "tests": "Each of its promises has a test.",
                "config_documented": "Each key is described in Indonesian and English.",
                "bounded_memory": "What it keeps in memory has an upper bound.",
            }
        ),
        "gold": types.MappingProxyType(
            {
                "measured": "Its cost per request has been measured.",
                "typed": "It passes mypy --strict.",
                "health_check": "It says whether it can do its work.",
            }
        ),
    }
)
"""What each tier asks for, beside the rules of the tiers below it."""

_TIERS: tuple[Tier, ...] = ("bronze", "silver", "gold")


class Rule(Section):
    """How an extension stands to a rule that is not simply done."""

    status: Literal["todo", "exempt"] = Field(description="todo or exempt.")
    reason: Annotated[str, Field(min_length=5)] = Field(description="Why.")


def _word_or_table(value: object) -> str:
    return "word" if isinstance(value, str) else "table"


Stand = Annotated[
    Annotated[Literal["done"], Tag("word")] | Annotated[Rule, Tag("table")], Discriminator(_word_or_table)
]


Mount = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$")]
"""First segment of a path."""


class Manifest(Section):
    """What an extension says of itself without being imported."""

    name: Name = Field(description="Its entry point's name.")
    kind: Kind = Field(description="adapter or plugin.")
    title: Annotated[str, Field(min_length=1)] = Field(description="English title.")
    title_id: Annotated[str, Field(min_length=1)] = Field(description="Indonesian title.")
    owner: Annotated[str, Field(min_length=1)] = Field(description="Who keeps it.")
    docs: Annotated[str, Field(min_length=1)] = Field(description="File beside it, or address.")
    tier: Tier = Field(description="bronze, silver or gold.")
    api_version: int = Field(default=API_VERSION, description="Version of the contract it was written for.")
    mounts: list[Mount] = Field(
        default_factory=list, description="First segments of the absolute paths where it stands in for a service."
    )
    rules: dict[str, Stand] = Field(default_factory=dict, description="Rules of its tier.")


def folder_of(entry_point: EntryPoint) -> Path | None:
    """The folder an entry point's module lives in, found without importing that module.

    Only the outermost package is looked up; where it is not a package, or not there, None.
    """
    first, *rest = entry_point.module.split(".")
    try:
        spec = importlib.util.find_spec(first)
    except (ImportError, ValueError):
        return None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place, *rest)
        if folder.is_dir():
            return folder
    return None


def read_manifest(file: Path) -> Manifest:
    """The manifest in a file.

    Raises:
        ConfigFaults: It cannot be read, or something in it is wrong; all of it is told at once.
    """
    text = read_text(file)
    data = parse(text, str(file))
    source = Source(str(file), file, lines_of(text))
    found = checked(Manifest, data, source)
    if found.faults or found.value is None:
        raise ConfigFaults(tuple(found.faults))
    unmet = [source.fault(("rules", *rule), message, cure) for rule, message, cure in _unmet(found.value)]
    if unmet:
        raise ConfigFaults(tuple(unmet))
    return found.value


def _unmet(manifest: Manifest) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What keeps a manifest from its tier."""
    reached = _TIERS[: _TIERS.index(manifest.tier) + 1]
    for rule in (rule for tier in reached for rule in RULES[tier]):
        stand = manifest.rules.get(rule)
        if stand is None:
            yield (rule,), f"is missing, and tier {manifest.tier} asks for it", 'say "done", or exempt with a reason'
        elif isinstance(stand, Rule) and stand.status == "todo":
            yield (rule,), f"is to do, and tier {manifest.tier} asks for it", "do it, or claim a lower tier"
    known = {rule for tier in _TIERS for rule in RULES[tier]}
    for rule in manifest.rules:
        if rule not in known:
            yield (rule,), "is not a rule", f"use one of {', '.join(sorted(known))}"
