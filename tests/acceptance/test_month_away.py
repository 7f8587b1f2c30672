"""A month without the centre, told small in the suite and in full by `make soak`; days are injected."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, groupby
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.messages import Priority
from gateway.http.submissions import ACCEPTED, PATH
from gateway.outbox.outbox import Wanted
from gateway.testing import Stage
from tests.acceptance.desks import person
from tests.acceptance.month import DAYS, birth, month_of, order_of, villages
from tests.acceptance.stage import LOOKUP, PURPOSE
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gateway.outbox.outbox import Facts
    from tests.acceptance.month import HandIn

    Record = Callable[[str, Any], None]

DAY = 86_400.0
WHOLE = {"workers": 20, "mean_seconds": 0.05, "office_seconds": 86_400.0}
"""The centre as it was: 400 calls a second."""

WEAK = {"workers": 6, "mean_seconds": 0.05, "office_seconds": 86_400.0}
"""As it comes back: 30 % of that."""

BEGINS_WITHIN = 5.0
LIVE_DESKS = 2
CROWD = 24
"""Desks that ask all the time, four times as many as the weak centre has workers."""


@dataclass
class Asked:
    """Seconds that live questions took; -1 for one that was not answered."""

    seconds: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """Seconds within which 99 of 100 of the answered ones were."""
        answered = sorted(one for one in self.seconds if one >= 0)
        return answered[len(answered) * 99 // 100]

    @property
    def refused(self) -> int:
        """Questions that were not answered."""
        return sum(one < 0 for one in self.seconds)


class Regency:
    """One gateway, its centre, and the desks of all villages.

    Args:
        stage: Runs.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.key = stage.add_client("desks", may_skip_cache=True)
        self.ids: dict[int, str] = {}
        self._people = cycle([one.nik for one in stage.people()])
        self._guard = threading.Lock()

    def hand_in(self, day: Sequence[HandIn]) -> None:
        """Hand in: identity cards over HTTP, births where their adapter would, for their papers cannot be uploaded."""
        with ThreadPoolExecutor(4) as pool:
            self.ids |= dict(pool.map(self._card, [one for one in day if not one.urgent]))
        self.stage.run(self._births([one for one in day if one.urgent]))

    def facts(self) -> list[Facts]:
        """All that was handed in."""
        return list(self.stage.run(self.stage.gateway.handing_in.outbox.page(Wanted(limit=1_000_000))))

    def waiting(self) -> int:
        """How much is not with the centre."""
        return sum(one.count for one in self.stage.run(self.stage.gateway.handing_in.outbox.waiting()))

    @contextmanager
    def asking(self, desks: int, asked: Asked) -> Iterator[None]:
        """Desks ask past the cache, one question after the other, while the block runs."""
        over = threading.Event()

        def desk() -> None:
            while not over.is_set():
                asked.seconds.append(self._ask())

        with ThreadPoolExecutor(desks) as pool:
            working = [pool.submit(desk) for _ in range(desks)]
            try:
                yield
            finally:
                over.set()
            for one in working:
                one.result()

    def _ask(self) -> float:
        with self._guard:
            nik = next(self._people)
        began = time.monotonic()
        body = {"nik": nik, "purpose": PURPOSE}
        heard = self.stage.request("POST", LOOKUP, body, {"Cache-Control": "no-cache"}, key=self.key)
        return time.monotonic() - began if heard.status == 200 and heard.json["source"] == "centre" else -1.0

    def _card(self, one: HandIn) -> tuple[int, str]:
        nik = person(one.number)
        body = {"service": "ktp", "version": 1, "village": one.village, "subject": {"nik": nik}, "form": {"nik": nik}}
        heard = self.stage.request("POST", PATH, body, {"Idempotency-Key": f"card-{one.number}"}, key=self.key)
        assert heard.status == ACCEPTED, heard.body
        return one.number, heard.json["id"]

    async def _births(self, births: Sequence[HandIn]) -> None:
        outbox, now = self.stage.gateway.handing_in.outbox, self.stage.clock.now()
        taken = await asyncio.gather(
            *(outbox.accept(birth(one, now + place / 1e6)) for place, one in enumerate(births))
        )
        self.ids |= {one.number: accepted.receipt.id for one, accepted in zip(births, taken, strict=True)}
        self.stage.gateway.handing_in.dispatcher.wake()


def live_through(regency: Regency, month: Sequence[HandIn]) -> None:
    """The centre refuses all calls for a month; the gateway is restarted three times."""
    stage = regency.stage
    stage.behave(mode="refuse", office_seconds=86_400.0)
    by_day = {day: list(filed) for day, filed in groupby(month, lambda one: int(one.day))}
    for day in range(DAYS):
        regency.hand_in(by_day.get(day, []))
        stage.clock.ahead += DAY
        if day in {DAYS // 4, DAYS // 2, 3 * DAYS // 4}:
            stage.restart()
    assert stage.calls("SUBMIT") == 0


def come_back(regency: Regency) -> float:
    """The centre is back, weak; seconds until the first hand-in arrives there."""
    regency.stage.behave(**WEAK)
    returned = time.monotonic()
    eventually(lambda: regency.stage.calls("SUBMIT"), 4 * BEGINS_WITHIN, "the drain begins")
    return time.monotonic() - returned


def check_all_delivered(regency: Regency, month: Sequence[HandIn], record: Record) -> None:
    """Each is at the centre with one effect; the urgent first, in order of filing within the class."""
    facts, entries = regency.facts(), regency.stage.ledger()
    assert len(facts) == len(regency.ids) == len(month)
    assert {entry["reference"] for entry in entries} == set(regency.ids.values())
    assert Counter(entry["effects"] for entry in entries) == {1: len(month)}
    assert {one.state for one in facts} == {"delivered"}
    delivered = [entry["reference"] for entry in entries]
    urgent = {one.id for one in facts if one.priority is Priority.URGENT}
    places = [place for place, id_ in enumerate(delivered, 1) if id_ in urgent]
    nearly_all = places[len(places) * 95 // 100]  # a few rest for up to 5 s after they were tried in vain
    record("place by which 95 % of the urgent had gone, over their number", round(nearly_all / len(urgent), 2))
    assert nearly_all <= 1.1 * len(urgent) + 64  # one turn in twenty is another class's; so many are under way
    for priority in (Priority.URGENT, Priority.COUNTER):
        order = order_of((one for one in facts if one.priority is priority), delivered, villages()[0])
        record(f"max/median wait, {priority.name.lower()}", round(order.worst_wait, 2))
        assert order.overtaken <= 64, "filing order within the class"
        assert len(month) < 5_000 or order.worst_wait <= 1.2, priority


def saturated(regency: Regency, count: int, first: int) -> tuple[float, int]:
    """Hand in while a crowd asks more than the centre can answer: deliveries a second, and answers a second."""
    asked = Asked()
    more = [one for one in month_of(4 * count + 400, 9) if not one.urgent][:count]
    with regency.asking(CROWD, asked):
        eventually(lambda: len(asked.seconds) > 4 * CROWD, 20.0, "the crowd is there")
        before, began = sum(one >= 0 for one in asked.seconds), time.monotonic()
        regency.hand_in([type(one)(first + one.number, one.day, one.village, one.urgent) for one in more])
        eventually(lambda: not regency.waiting(), 60.0, "submissions drain beside the crowd")
        took = time.monotonic() - began
        answered = sum(one >= 0 for one in asked.seconds) - before
    return count / took, round(answered / took)


def tell_the_month(folder: Path, total: int, calm_questions: int, record: Record) -> tuple[float, float]:
    """The whole story; the p99 of live questions on a calm day and in the drain, seconds."""
    with Stage(folder) as stage:
        regency = Regency(stage)
        stage.behave(**WHOLE)
        calm, draining = Asked(), Asked()
        with regency.asking(LIVE_DESKS, calm):
            eventually(lambda: len(calm.seconds) >= calm_questions, 120.0, "a calm day")
        month = month_of(total, 1)
        live_through(regency, month)
        began = come_back(regency)
        record("seconds until the drain began", round(began, 2))
        assert began <= BEGINS_WITHIN
        with regency.asking(LIVE_DESKS, draining):
            returned = time.monotonic()
            eventually(lambda: stage.calls("SUBMIT") >= total, total / 10, "all has arrived")
            eventually(lambda: not regency.waiting(), 30.0, "all is delivered")
            drained = time.monotonic() - returned
        record("hand-ins", total)
        record("drained a second", round(total / drained))
        check_all_delivered(regency, month, record)
        record("live p99 calm, ms", round(calm.p99 * 1000))
        record("live p99 draining, ms", round(draining.p99 * 1000))
        record("live questions while draining", len(draining.seconds))
        record("of them refused", draining.refused)
        rate, answers = saturated(regency, max(40, total // 50), total)
        record("drained a second beside a crowd", round(rate))
        record("answers a second to the crowd", answers)
        assert rate >= 0.05 * WEAK["workers"] / WEAK["mean_seconds"]
        return calm.p99, draining.p99


def test_a_short_month(tmp_path: Path, record_property: Record) -> None:
    """Hand-ins of a month from 186 villages, three restarts, the centre back at 30 %.

    All are delivered once, the urgent first, in order of filing; the drain begins within 5 s, and goes on beside a
    crowd that asks more than the centre can answer.
    """
    tell_the_month(tmp_path, 350, 30, record_property)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_month_in_full(tmp_path: Path, record_property: Record) -> None:
    """10,000 hand-ins of a month from 186 villages, one a hog: once each, in order, live questions hardly slower."""
    calm, draining = tell_the_month(tmp_path, 10_000, 1_000, record_property)
    assert draining <= 2.0 * calm
