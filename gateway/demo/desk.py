"""The village desk of the story: hands in over HTTP, keeps its receipts, and holds them against the centre's ledger."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.contract.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from gateway.demo.counter import Tally

VILLAGE = "3527032001"


class Desk:
    """Hands in requests for identity cards, whose form needs no papers.

    Args:
        client: HTTP client towards the gateway.
        key: The desk's key.
    """

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._handed_in = 0

    async def hand_in_all(self, niks: Sequence[str], tally: Tally) -> None:
        """Hand in for several; each is sent twice under its key, as a desk does that did not see the answer."""
        for nik in niks:
            self._handed_in += 1
            name = f"story-{self._handed_in}"
            await asyncio.gather(self._hand_in(nik, name, tally), self._hand_in(nik, name, tally))

    async def _hand_in(self, nik: str, name: str, tally: Tally) -> None:
        body = {"service": "ktp", "version": 1, "village": VILLAGE, "subject": {"nik": nik}, "form": {"nik": nik}}
        headers = {**self._headers, "Idempotency-Key": name}
        try:
            answer = await self._client.post("/v1/submissions", content=msgspec.json.encode(body), headers=headers)
            said = msgspec.json.decode(answer.content)
        except (GatewayError, msgspec.DecodeError):
            tally.lost += 1
            return
        if answer.status_code == HTTPStatus.ACCEPTED:  # the status that carries a receipt
            tally.receipts.setdefault(name, set()).add(said["id"])
        else:
            tally.lost += 1


def reconcile(tallies: Sequence[Tally], entries: Sequence[Mapping[str, Any]]) -> None:
    """Hold all receipts against the centre's ledger; each tally learns what of it is there, and what is there twice.

    Args:
        tallies: Of all chapters.
        entries: The ledger: `reference` and `effects` of everything that was ever taken in. What nobody has a receipt
            for counts as doubled in the last chapter.
    """
    effects = {str(entry["reference"]): int(entry["effects"]) for entry in entries}
    for tally in tallies:
        for ids in tally.receipts.values():
            found = [effects.pop(id_) for id_ in ids if id_ in effects]
            tally.delivered += bool(found)
            tally.doubled += max(0, sum(found) - 1)
    tallies[-1].doubled += sum(effects.values())
