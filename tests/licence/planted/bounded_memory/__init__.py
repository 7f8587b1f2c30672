"""Keeps a note of everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.licence.planted_desk import Desk

if TYPE_CHECKING:
    from gateway.contract import ExtensionConfig, Host
    from gateway.contract.web import Request


class Planted(Desk):
    """The adapter."""

    def __init__(self, config: ExtensionConfig, host: Host) -> None:
        super().__init__(config, host)
        self.asked: list[str] = []

    async def name_of(self, request: Request, nik: str) -> str:
        """Spoiled."""
        self.asked.append(nik)
        return await super().name_of(request, nik)
