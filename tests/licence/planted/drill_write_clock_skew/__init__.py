"""Believes that time never goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.licence.planted_counter import Counter

if TYPE_CHECKING:
    from gateway.contract import Receipt
    from gateway.contract.web import Request

LAST = [0.0]


class Planted(Counter):
    """The adapter."""

    async def hand_in(self, request: Request, nik: str, key: str | None = None) -> Receipt:
        """Spoiled."""
        if self.host.clock.now() < LAST[0]:
            raise RuntimeError("impossible")
        LAST[0] = self.host.clock.now()
        return await super().hand_in(request, nik, key)
