"""Blocks everybody while it thinks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.licence.planted_desk import Desk

if TYPE_CHECKING:
    from gateway.contract.web import Request


class Planted(Desk):
    """The adapter."""

    async def name_of(self, request: Request, nik: str) -> str:
        """Spoiled."""
        time.sleep(0.06)  # noqa: ASYNC251 # what is planted; a hundred of them are six seconds
        return await super().name_of(request, nik)
