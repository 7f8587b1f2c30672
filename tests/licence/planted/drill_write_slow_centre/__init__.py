"""Asks the centre before it takes anything in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.licence.planted_counter import Counter

if TYPE_CHECKING:
    from gateway.contract import Receipt
    from gateway.contract.web import Request


class Planted(Counter):
    """The adapter."""

    async def hand_in(self, request: Request, nik: str, key: str | None = None) -> Receipt:
        """Spoiled."""
        await self.name_of(request, nik)
        return await super().hand_in(request, nik, key)
