"""Never says how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract import hookimpl
from tests.licence.planted_desk import Desk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract import HealthCheck


class Planted(Desk):
    """The adapter."""

    @hookimpl
    def gateway_health_checks(self) -> Sequence[HealthCheck]:
        """None."""
        return []
