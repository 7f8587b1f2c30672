"""The village counter of the story: asks the gateway over HTTP and keeps count of what came back."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.contract.errors import GatewayError, Internal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx


@dataclass(slots=True)
class Tally:
    """What happened to the questions and hand-ins of one chapter.

    Attributes:
        asked: Questions sent.
        fresh: Answered by the centre just now, or by an answer that counts as fresh.
        remembered: Answered from what was known, with its age.
        refused: Refused with a typed error that says why and when to come back.
        lost: No answer, and no refusal that says why: `internal` says nothing. For hand-ins, any refusal.
        oldest: Age of the oldest answer, seconds.
        waits: How long each question took, seconds.
        codes: Refusals by code.
        receipts: Ids of the receipts that each hand-in got.
        delivered: Of these hand-ins, those the centre has; counted from its ledger.
        doubled: What the centre did beyond once: calls for one question of many, effects of one hand-in.
    """

    asked: int = 0
    fresh: int = 0
    remembered: int = 0
    refused: int = 0
    lost: int = 0
    oldest: float = 0.0
    waits: list[float] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    receipts: dict[str, set[str]] = field(default_factory=dict)
    delivered: int = 0
    doubled: int = 0

    @property
    def queued(self) -> int:
        """Hand-ins that got a receipt."""
        return len(self.receipts)

    @property
    def undelivered(self) -> int:
        """Receipts whose submission the centre does not have."""
        return self.queued - self.delivered

    @property
    def answered(self) -> int:
        """Questions that got their answer."""
        return self.fresh + self.remembered

    def count(self, status: int, body: dict[str, Any], seconds: float) -> None:
        """Count one answer."""
        self.waits.append(seconds)
        if "code" in body and body["code"] != Internal.code:
            self.refused += 1
            self.codes[body["code"]] = self.codes.get(body["code"], 0) + 1
        elif status == HTTPStatus.OK:  # the only status that carries a resident
            self.remembered += body["source"] == "cache"
            self.fresh += body["source"] == "centre"
            self.oldest = max(self.oldest, body["age_seconds"])
        else:
            self.lost += 1


class Counter:
    """Asks for residents.

    Args:
        client: HTTP client towards the gateway.
        key: The counter's key.
        deadline: Seconds a citizen waits.
    """

    def __init__(self, client: httpx.AsyncClient, key: str, deadline: float) -> None:
        self._client = client
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "X-Request-Deadline": f"{deadline:g}",
        }

    async def ask(self, nik: str, tally: Tally) -> None:
        """Ask for one resident."""
        tally.asked += 1
        body = msgspec.json.encode({"nik": nik, "purpose": "pelayanan"})
        started = asyncio.get_running_loop().time()
        try:
            answer = await self._client.post("/v1/residents/lookup", content=body, headers=self._headers)
            said = msgspec.json.decode(answer.content)
        except (GatewayError, msgspec.DecodeError):
            tally.lost += 1
            return
        tally.count(answer.status_code, said, asyncio.get_running_loop().time() - started)

    async def ask_all(self, niks: Sequence[str], tally: Tally, *, at_once: int = 8) -> None:
        """Ask for several, a few at once."""
        gate = asyncio.Semaphore(at_once)

        async def one(nik: str) -> None:
            async with gate:
                await self.ask(nik, tally)

        await asyncio.gather(*(one(nik) for nik in niks))


def some(niks: Sequence[str], count: int, seed: int) -> list[str]:
    """A replayable choice of residents, repeats included."""
    return random.Random(seed).choices(niks, k=count)  # a story, not a secret
