"""Blocks everybody while it thinks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.licence.planted_counter import Counter

if TYPE_CHECKING:
    from gateway.contract import Receipt
    from gateway.contract.web import Request


class Planted(Counter):
    """The adapter."""

    async def hand_in(self, request: Request, nik: str, key: str | None = None) -> Receipt:
        """Spoiled."""
        time.sleep(0.06)  # noqa: ASYNC251 # what is planted; a hundred of them are six seconds
        return await super().hand_in(request, nik, key)
