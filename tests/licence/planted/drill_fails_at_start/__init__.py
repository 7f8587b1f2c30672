"""Closes what it never opened."""

from __future__ import annotations

import asyncio

from tests.licence.planted_desk import Desk


class Planted(Desk):
    """The adapter."""

    async def open(self) -> None:
        """Make something."""
        self.made = asyncio.Event()

    async def close(self) -> None:
        """Release it."""
        self.made.set()
