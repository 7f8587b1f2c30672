"""Serves everybody once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.licence.planted_desk import Desk

if TYPE_CHECKING:
    from gateway.contract.web import Request

SERVED: set[str] = set()


class Planted(Desk):
    """The adapter."""

    async def name_of(self, request: Request, nik: str) -> str:
        """Spoiled."""
        name = await super().name_of(request, nik)
        if nik in SERVED:
            raise RuntimeError("twice")
        SERVED.add(nik)
        return name
