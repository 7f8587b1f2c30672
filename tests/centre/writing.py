"""The write half with a limiter and a breaker of its own, and what is handed in on it; synthetic people only."""

from __future__ import annotations

import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from gateway.centre.account import Account
from gateway.centre.breaker import Breaker
from gateway.centre.limiter import Limiter
from gateway.centre.link import Trip
from gateway.centre.writes import CentreSubmission, CentreWrites
from gateway.contract.messages import Priority
from gateway.settings.centre import BreakerSettings, CentreSettings, LimiterSettings
from tests.centre_client.far_end import RealClock
from tests.mock_siak.desk import CHILD, VILLAGE, WRITER, cards

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.mock_siak.conftest import Rig

REFERENCE = "0192f0c4-7b1e-7c3a-9a51-0f8e6f6d2b11"


class Way:
    """The write half with a limiter and a breaker of its own."""

    def __init__(self, url: str, **limits: Any) -> None:
        """Nothing is opened yet."""
        clock, centre = RealClock(), CentreSettings(url=url, connect_timeout=0.5)
        account = Account("dinas", {}, WRITER.user_id, WRITER.password, "127.0.0.1")
        wrong = Account("wrong", {}, WRITER.user_id, "other", "127.0.0.1")
        nobody = _Nowhere()
        self.breaker = Breaker(nobody, BreakerSettings(), clock=clock, random=random.Random(1))
        self.limiter = Limiter(nobody, LimiterSettings(**limits), clock=clock, random=random.Random(1))
        accounts = {"dinas": account, "wrong": wrong}
        self.writes = CentreWrites(centre, accounts, self.limiter, self.breaker, clock)


class _Nowhere:
    """The next link of a chain that is asked no questions."""

    async def ask(self, call: object) -> Any:
        """Never reached."""
        raise AssertionError(call)


@asynccontextmanager
async def way(url: str, **limits: Any) -> AsyncIterator[Way]:
    """Open it and close it again."""
    made = Way(url, **limits)
    await made.writes.open()
    try:
        yield made
    finally:
        await made.limiter.close()
        await made.writes.close()


def trip(seconds: float = 3.0, right: str = "dinas") -> Trip:
    """A trip that may take `seconds` from now."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    return Trip(right, "desk", VILLAGE, Priority.URGENT, time.monotonic() + seconds, "r-1", trace)


def births(rig: Rig, **more: Any) -> CentreSubmission:
    """A birth."""
    values: dict[str, Any] = {
        "reference": REFERENCE,
        "service": "birth",
        "version": 1,
        "village": VILLAGE,
        "subject": cards(rig)[0],
        "filed_at": 1_780_000_000.25,
        "form": {"no_kk": cards(rig)[0], "child": CHILD},
    }
    return CentreSubmission(**{**values, **more})
