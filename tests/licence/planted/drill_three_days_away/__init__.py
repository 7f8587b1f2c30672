"""Takes nothing but what the centre just said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.contract import Asking, CentreService, Freshness, Question
from tests.licence.planted_desk import Desk, Page

if TYPE_CHECKING:
    from gateway.contract.web import Request


class Planted(Desk):
    """The adapter."""

    async def name_of(self, request: Request, nik: str) -> str:
        """Spoiled."""
        asking = Asking("pelayanan", freshness=Freshness(max_stale=0.0, strict=True))
        answer = await self.host.ask(request.known_caller(), Question(CentreService.BIODATA, nik), asking)
        return msgspec.json.decode(answer.reply.raw, type=Page).content[0].name
