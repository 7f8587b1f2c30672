"""Makes the key of a hand-in from the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.licence.planted_counter import Counter

if TYPE_CHECKING:
    from gateway.contract import Receipt
    from gateway.contract.web import Request


class Planted(Counter):
    """The adapter."""

    async def hand_in(self, request: Request, nik: str, key: str | None = None) -> Receipt:  # noqa: ARG002 # what is planted
        """Spoiled."""
        return await super().hand_in(request, nik, f"{nik}-{int(self.host.clock.now() // 86_400)}")
