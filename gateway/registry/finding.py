"""Finds installed extensions by their entry points, without importing any of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Literal

from gateway.contract.extension import ENTRY_POINT_GROUP
from gateway.registry.manifest import folder_of, read_manifest
from gateway.settings import ConfigFaults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

    from gateway.registry.manifest import Kind, Manifest
    from gateway.settings import Settings

State = Literal["enabled", "disabled", "broken"]


@dataclass(frozen=True, slots=True)
class Installed:
    """An extension that is installed on this machine.

    Attributes:
        name: Its name.
        kind: Plugin or adapter, by its manifest or by where the config enables it; None if neither tells.
        state: Whether the config enables it; `broken` if its manifest or its loading is.
        distribution: Name and version of the package it came in.
        module: Where its class is.
        manifest: What it says of itself, or None without a readable manifest.
        detail: Why it is broken; empty otherwise.
    """

    name: str
    kind: Kind | None
    state: State
    distribution: str
    module: str
    manifest: Manifest | None = None
    detail: str = ""


def found() -> Mapping[str, EntryPoint]:
    """The entry points of all installed extensions by name; of two with one name the first on the path counts."""
    points: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        points.setdefault(point.name, point)
    return points


def enabled_in(settings: Settings) -> tuple[tuple[Kind, str, int], ...]:
    """Kind, name and position of every extension the config enables: plugins, then adapters, in their order."""
    plugins: tuple[tuple[Kind, str, int], ...] = tuple(
        ("plugin", name, position) for position, name in enumerate(settings.plugins.enabled)
    )
    return plugins + tuple(("adapter", name, position) for position, name in enumerate(settings.adapters.enabled))


def installed(settings: Settings) -> tuple[Installed, ...]:
    """Every installed extension with its state, sorted by name; none is imported."""
    kinds = {name: kind for kind, name, _ in enabled_in(settings)}
    return tuple(_installed(point, kinds.get(name)) for name, point in sorted(found().items()))


def mounts_of(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """First segments of the absolute paths each enabled extension declares in its manifest."""
    points = found()
    named = ((name, manifest_of(points[name])[0]) for _, name, _ in enabled_in(settings) if name in points)
    return {name: tuple(manifest.mounts) for name, manifest in named if manifest is not None}


def _installed(point: EntryPoint, enabled_as: Kind | None) -> Installed:
    manifest, detail = manifest_of(point)
    state: State = "enabled" if enabled_as else "disabled"
    package = f"{point.dist.name} {point.dist.version}" if point.dist else ""
    kind = enabled_as or (manifest.kind if manifest else None)
    return Installed(point.name, kind, "broken" if detail else state, package, point.value, manifest, detail)


def manifest_of(point: EntryPoint) -> tuple[Manifest | None, str]:
    """The manifest beside an entry point's module, and what is wrong with it; neither where there is none."""
    folder = folder_of(point)
    if folder is None or not (folder / "manifest.toml").is_file():
        return None, ""
    try:
        manifest = read_manifest(folder / "manifest.toml")
    except ConfigFaults as faults:
        return None, str(faults.faults[0])
    if manifest.name != point.name:
        return manifest, f"its manifest calls it {manifest.name}, its entry point {point.name}"
    return manifest, ""
