"""Believes that time never goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.licence.planted_desk import Desk

if TYPE_CHECKING:
    from gateway.contract.web import Request

LAST = [0.0]


class Planted(Desk):
    """The adapter."""

    async def name_of(self, request: Request, nik: str) -> str:
        """Spoiled."""
        if self.host.clock.now() < LAST[0]:
            raise RuntimeError("impossible")
        LAST[0] = self.host.clock.now()
        return await super().name_of(request, nik)
