"""Makes a key of its own for each request."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tests.licence.planted_counter import Counter

if TYPE_CHECKING:
    from gateway.contract import Receipt
    from gateway.contract.web import Request


class Planted(Counter):
    """The adapter."""

    async def hand_in(self, request: Request, nik: str, key: str | None = None) -> Receipt:  # noqa: ARG002 # what is planted
        """Spoiled."""
        return await super().hand_in(request, nik, secrets.token_hex(8))
