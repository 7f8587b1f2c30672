"""The good adapter that hands in, which each planted for the write half spoils in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.contract import Subject, Submission, hookimpl
from gateway.contract.web import CALLER, Response, Route
from tests.licence.planted_desk import Desk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract import Receipt
    from gateway.contract.web import Request

VILLAGE = "3527032001"


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose card."""

    nik: str


class Counter(Desk):
    """Takes in `POST /apps/planted/cards` beside what the desk does."""

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """Two routes."""
        card = Route("POST", "/cards", CALLER, self.take, "Ask for a card.", "Minta kartu.", Card, status=202)
        return [*super().gateway_routes(), card]

    async def take(self, request: Request) -> Response:
        """Hand a card in."""
        receipt = await self.hand_in(request, request.body.nik)
        return Response.json({"number": receipt.number}, status=202)

    async def hand_in(self, request: Request, nik: str, key: str | None = None) -> Receipt:
        """Under the caller's own key unless another is given."""
        form = msgspec.Raw(msgspec.json.encode({"nik": nik}))
        submission = Submission("ktp", 1, VILLAGE, Subject(nik=nik), form)
        return await self.host.submit(request.known_caller(), submission, key or request.headers.get("idempotency-key"))
