"""Leaves a thread behind."""

from __future__ import annotations

import threading

from tests.licence.planted_desk import Desk

FOREVER = threading.Event()


class Planted(Desk):
    """The adapter."""

    async def open(self) -> None:
        """Begin what never ends."""
        threading.Thread(target=FOREVER.wait, name="forever", daemon=True).start()
