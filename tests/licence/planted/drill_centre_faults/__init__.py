"""Takes every fault for an empty answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract.errors import CentreError, NotFound
from tests.licence.planted_desk import Desk

if TYPE_CHECKING:
    from gateway.contract.web import Request


class Planted(Desk):
    """The adapter."""

    async def name_of(self, request: Request, nik: str) -> str:
        """Spoiled."""
        try:
            return await super().name_of(request, nik)
        except CentreError as error:
            raise NotFound from error
