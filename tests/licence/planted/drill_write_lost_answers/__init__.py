"""Hands in again under another key what the centre has not answered for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.licence.planted_counter import Counter

if TYPE_CHECKING:
    from gateway.contract import Receipt
    from gateway.contract.web import Request


class Planted(Counter):
    """The adapter."""

    async def hand_in(self, request: Request, nik: str, key: str | None = None) -> Receipt:
        """Spoiled."""
        receipt = await super().hand_in(request, nik, key)
        for _ in range(20):
            if (await self.host.track(request.known_caller(), receipt.id)).receipt.state == "delivered":
                return receipt
            await asyncio.sleep(0.02)
        return await super().hand_in(request, nik, f"again-{nik}")
