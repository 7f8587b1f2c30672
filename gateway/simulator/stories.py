"""Every prepared story by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.simulator.lands import NATION, PROVINCE, peak_hour
from gateway.simulator.nation import NationRun, Way
from gateway.simulator.regency import run
from gateway.simulator.scenario import catalogue

if TYPE_CHECKING:
    from gateway.simulator.nation import Land, LandResult
    from gateway.simulator.result import Result


def lands() -> dict[str, Land]:
    """Stories of many gateways; `-alone` has them without a coordinator."""
    found = {land.name: land for land in (NATION, PROVINCE, peak_hour())}
    alone = {f"{name}-alone": replace(land, way=Way.ALONE) for name, land in found.items()}
    return found | alone


def names() -> list[str]:
    """All stories."""
    return [*catalogue(), *lands()]


def play(task: tuple[str, int]) -> Result | LandResult:
    """Run a story (by name) with a seed.

    Raises:
        KeyError: There is no such story.
    """
    name, seed = task
    regencies = catalogue()
    if name in regencies:
        return run(regencies[name], seed)
    return NationRun(lands()[name], seed).result()
