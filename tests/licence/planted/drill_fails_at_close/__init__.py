"""Never ends."""

from __future__ import annotations

import asyncio

from tests.licence.planted_desk import Desk


class Planted(Desk):
    """The adapter."""

    async def close(self) -> None:
        """Wait for nothing."""
        await asyncio.Event().wait()
