"""Speaks one language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract import hookimpl
from gateway.contract.web import CALLER, Route
from tests.licence.planted_desk import Desk, Whom

if TYPE_CHECKING:
    from collections.abc import Sequence


class Planted(Desk):
    """The adapter."""

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """One."""
        return [Route("POST", "/names", CALLER, self.answer, "A name.", "A name.", Whom)]
