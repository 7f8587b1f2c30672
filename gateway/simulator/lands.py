"""Prepared stories of many gateways: a province, the nation, and the search for the point of collapse."""

from __future__ import annotations

from dataclasses import replace

from gateway.simulator.centre import CentreModel
from gateway.simulator.nation import Land, Way
from gateway.simulator.scenario import Phase

PEAK_HOUR_CALLS = 0.94e6 * 0.4 + 26_000
"""Calls in the nation's busiest hour: reads of which two in five reach the centre, and submissions."""

CALM = Phase("normal", 20.0, 0.5)
SURGE = Phase("surge", 120.0, 3.0, judged_after=40.0)
AFTERWARDS = Phase("after", 60.0, 0.5, judged_after=20.0)
"""An ordinary morning, three times what the centre can do, and an ordinary morning again."""

NATION = Land("nation", 514, 83_762, CentreModel(workers=60), (CALM, SURGE, AFTERWARDS))
"""514 regencies before a centre of 240 calls a second."""

PROVINCE = replace(NATION, name="province", gateways=35, villages=8_563, centre=CentreModel(workers=20))
"""The 35 regencies of a large province before a centre of 80 calls a second."""


def peak_hour(way: Way = Way.SHARED) -> Land:
    """The nation's busiest hour, before a centre that can just do it at two thirds of its strength."""
    load = PEAK_HOUR_CALLS / 3600.0 / 160.0
    return replace(
        NATION, name="peak-hour", centre=CentreModel(workers=40), phases=(Phase("peak", 3600.0, load),), way=way
    )


def crowding(gateways: int, way: Way) -> Land:
    """A province's surge with another number of gateways, each with a limit of its own or with shares of one."""
    return replace(PROVINCE, name=f"{gateways} gateways", gateways=gateways, villages=gateways * 163, way=way)
