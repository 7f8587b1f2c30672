"""Reaches past the contract."""

from __future__ import annotations

from gateway.settings import load
from tests.licence.planted_desk import Desk


class Planted(Desk):
    """The adapter."""

    load = staticmethod(load)
