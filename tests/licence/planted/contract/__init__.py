"""Was written for another version."""

from __future__ import annotations

from typing import ClassVar

from tests.licence.planted_desk import Desk


class Planted(Desk):
    """The adapter."""

    api_version: ClassVar[int] = 2
