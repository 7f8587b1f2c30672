"""Loads the class of an extension and checks it against the contract and the config.

| what is wrong | what happens |
| --- | --- |
| the config: not installed, unknown key, wrong type | `ConfigFaults`, all at once; a reload is refused |
| the extension: no import, no `Extension`, other `name` or `api_version` | `Broken`: left out, the others go on |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.contract.extension import API_VERSION, RESERVED_NAMES, Extension, ExtensionConfig
from gateway.registry.finding import enabled_in, found, manifest_of
from gateway.settings import checked
from gateway.settings.wording import closest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from gateway.registry.manifest import Kind
    from gateway.settings import ConfigFault, Settings
    from gateway.settings.locate import KeyPath


ANYTHING = (Exception, SystemExit)
"""What the code of an extension may raise; none of it may harm the gateway or another extension."""


class Broken(Exception):
    """An extension cannot be used, through no fault of the config."""


def class_of(point: EntryPoint) -> type[Extension]:
    """The class an entry point names, imported and checked.

    Raises:
        Broken: It is not what the contract asks for.
    """
    try:
        loaded: object = point.load()
    except ANYTHING as error:
        raise Broken(f"{point.value} cannot be imported") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Extension)):
        raise Broken(f"{point.value} is not a subclass of gateway.contract.Extension")
    for fault in _against_contract(loaded, point):
        raise Broken(fault)
    return loaded


def _against_contract(loaded: type[Extension], point: EntryPoint) -> tuple[str, ...]:
    name: object = getattr(loaded, "name", None)
    version: object = getattr(loaded, "api_version", None)
    config: object = loaded.Config
    faults = []
    if name != point.name:
        faults.append(f"{point.value} does not carry its entry point's name {point.name} as `name`")
    if point.name in RESERVED_NAMES:
        faults.append(f"{point.name} is a name of the gateway's own; an extension needs another one")
    if version != API_VERSION:
        written = f"version {version}" if isinstance(version, int) else "no version"
        faults.append(f"{point.value} was written for {written} of the contract; this gateway has {API_VERSION}")
    if not (isinstance(config, type) and issubclass(config, ExtensionConfig)):
        faults.append(f"{point.value} has a Config that is not a subclass of gateway.contract.ExtensionConfig")
    return tuple(faults)


@dataclass(frozen=True, slots=True)
class Planned:
    """An extension that can be built: its class, and the settings its class accepted."""

    kind: Kind
    name: str
    cls: type[Extension]
    config: ExtensionConfig


@dataclass(slots=True)
class Plan:
    """What the config enables, checked, before anything is built.

    Attributes:
        planned: What can be built, in the config's order.
        faults: What is wrong with the config.
        broken: Kind, name and reason of each extension that is broken itself.
    """

    planned: list[Planned] = field(default_factory=list)
    faults: list[ConfigFault] = field(default_factory=list)
    broken: list[tuple[Kind, str, Exception]] = field(default_factory=list)


def plan(settings: Settings) -> Plan:
    """Load the classes of all enabled extensions and check their tables; disabled ones are not imported."""
    made, known = Plan(), found()
    for kind, name, position in enabled_in(settings):
        point = known.get(name)
        fault = _misplaced(settings, kind, position, point) if point else _absent(settings, kind, name, position)
        if fault is not None:
            made.faults.append(fault)
        if point is None:
            continue
        try:
            _add(made, settings, kind, point)
        except Broken as error:
            made.broken.append((kind, name, error))
    made.faults.sort(key=lambda fault: (fault.line, fault.key))
    return made


def _add(made: Plan, settings: Settings, kind: Kind, point: EntryPoint) -> None:
    cls = class_of(point)
    tables = settings.plugins if kind == "plugin" else settings.adapters
    try:
        found_config = checked(cls.Config, tables.table(point.name), settings.source, (f"{kind}s", point.name))
        found_config.faults.extend(_too_patient(settings, (f"{kind}s", point.name), found_config.value))
    except ANYTHING as error:
        raise Broken(f"{point.value} fails while it checks its own Config") from error
    made.faults.extend(found_config.faults)
    if found_config.value is not None:
        made.planned.append(Planned(kind, point.name, cls, found_config.value))


def _too_patient(settings: Settings, at: KeyPath, config: ExtensionConfig | None) -> list[ConfigFault]:
    longest = settings.centre.deadline_max
    return [
        settings.source.fault(
            (*at, *path),
            f"{seconds:g} is more than centre.deadline_max = {longest:g}",
            "lower it, or raise centre.deadline_max",
        )
        for path, seconds in (config.longest_waits() if config is not None else ())
        if seconds > longest
    ]


def _absent(settings: Settings, kind: Kind, name: str, position: int) -> ConfigFault:
    known = found()
    near = closest(name, known)
    hint = f"; did you mean {near}?" if near else ""
    there = ", ".join(sorted(known)) or "none"
    return settings.source.fault(
        (f"{kind}s", "enabled", position),
        f"no extension {name} is installed{hint}",
        f"install its package, or take it out of the list; installed: {there}",
    )


def _misplaced(settings: Settings, kind: Kind, position: int, point: EntryPoint) -> ConfigFault | None:
    manifest, _ = manifest_of(point)
    if manifest is None or manifest.kind == kind:
        return None
    return settings.source.fault(
        (f"{kind}s", "enabled", position),
        f"{point.name} is not an extension of this kind",
        f"list it in [{manifest.kind}s] instead",
    )
