"""An uncertain centre, seen from a caller: what is remembered is answered, what is not is refused by name and in time.

One gateway lives through every mode and every kind of fault; it is never restarted.
"""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.stage import ask, assert_honest_age, demo_right
from tests.measuring import quick_once, seconds_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Answered, Centre

DEADLINE = 1.0
GRACE = 0.5
"""Seconds past the deadline that an answer may come; what takes no notice of it comes seconds later, or never."""

LONG = 10.0
"""The deadline of what is refused at once: there a busy machine must not be taken for the centre's silence."""

RECOVERY = 5.0
"""Seconds after the centre's return within which fresh answers resume."""

STALE = 1.0
CROWD = 4
TRIES = 3
FRESH = 1.0

CONFIG = f"""
[centre.cache]
fresh = {FRESH}
stale_while_revalidate = {STALE}

[centre.breaker]
window = 1.0
open_cap = 2.0
"""
"""Short lives, so that a test meets old answers; a short memory of the breaker, so that cases do not add up.

The last test takes the breaker as it comes.
"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way for the centre to fail, and what a caller whose question nobody answered before is told.

    Attributes:
        name: The mode or kind of fault.
        code: Code of the problem.
        executed: Whether the centre may have acted.
        is_mode: Whether it is a mode of the whole centre.
    """

    name: str
    code: str
    executed: str
    is_mode: bool = False

    @property
    def deadline(self) -> float:
        """How long to wait for what a caller is told."""
        return DEADLINE if self.code == "centre_timeout" else LONG

    def strike(self, centre: Centre) -> None:
        """Bring it about."""
        if self.is_mode:
            centre.behave(mode=self.name)
        else:
            centre.fail(self.name)


TROUBLES = (
    Trouble("refuse", "centre_unreachable", "no", is_mode=True),
    Trouble("down", "centre_timeout", "unknown", is_mode=True),  # some are sent on connections of better days
    Trouble("hang", "centre_timeout", "unknown", is_mode=True),
    Trouble("maintenance", "maintenance", "no", is_mode=True),
    Trouble("latency", "centre_timeout", "unknown"),
    Trouble("error_500", "centre_misanswered", "unknown"),
    Trouble("html_502", "centre_misanswered", "unknown"),
    Trouble("truncated_json", "centre_misanswered", "yes"),
    Trouble("reset_before_read", "centre_unreachable", "unknown"),
    Trouble("reset_after_read", "centre_unreachable", "unknown"),
    Trouble("timeout_after_commit", "centre_timeout", "unknown"),
    Trouble("drip", "centre_timeout", "unknown"),
    Trouble("tls_bad", "centre_misanswered", "unknown"),
)
HELD_BACK = {("centre_unavailable", "no"), ("overloaded", "no")}
"""What later callers may be told: nothing was sent, for the centre is known to fail."""


class Desk:
    """A gateway with a warm cache, and NIKs nobody has asked about."""

    def __init__(self, gateway: GatewayProcess, centre: Centre) -> None:
        self.gateway = gateway
        self.key = gateway.add_client("desk")
        self.load_key = gateway.add_client("load", right="load")
        self._new = iter(centre.niks(200))
        self.remembered = {trouble.name: self.new() for trouble in TROUBLES}

    def warm(self) -> None:
        """Have answers remembered, and let them grow old."""
        for nik in self.remembered.values():
            assert ask(self.gateway, self.key, nik).status == 200
        warm_at = time.time()
        eventually(lambda: time.time() - warm_at > FRESH + STALE, 5.0, "the cache is past its freshness")

    def new(self) -> str:
        """A NIK nobody has asked about."""
        return next(self._new)

    def ask(self, nik: str, deadline: float = DEADLINE, **headers: str) -> Answered:
        """A question of somebody who waits for the deadline and no longer."""
        return ask(self.gateway, self.key, nik, deadline=deadline, **headers)

    def some_new(self) -> list[str]:
        """A crowd of NIKs nobody has asked about."""
        return [self.new() for _ in range(CROWD)]

    def ask_all(self, niks: list[str]) -> list[Answered]:
        """Many questions at once."""
        with ThreadPoolExecutor(len(niks)) as pool:
            return list(pool.map(self.ask, niks))

    def punctual(self, act: Callable[[], list[Answered]]) -> list[Answered]:
        """The answers of an act that all came by the deadline and its grace.

        A busy machine may hold everybody up once: what is late by itself is late each of three times.
        """
        seen: list[float] = []
        for _ in range(TRIES):
            answers = act()
            seen.append(max(answer.seconds for answer in answers))
            if seen[-1] <= DEADLINE + GRACE:
                return answers
        raise AssertionError(f"slowest answers of {TRIES} tries, deadline {DEADLINE} s: {seen}")


@pytest.fixture(scope="module")
def desk(nursery: Nursery, centre: Centre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The gateway of this module, its cache warm and past freshness."""
    centre.behave()
    rights = demo_right("dukcapil_sampang", "sampang") + demo_right("uji_beban", "load")
    folder = tmp_path_factory.mktemp("troubles")
    ready = Desk(ForkedGateway(nursery, folder, centre.url, config=CONFIG, rights=rights), centre)
    with ready.gateway:
        ready.warm()
        yield ready


@pytest.fixture(autouse=True)
def _well(centre: Centre, desk: Desk) -> Iterator[None]:
    """Each test begins with a centre that answers, and a gateway that has seen it."""
    centre.behave()
    nik = desk.new()
    eventually(lambda: desk.ask(nik, LONG).status == 200, 4 * RECOVERY, "fresh answers before the test")
    yield
    centre.behave()


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_what_is_remembered_is_answered_and_the_rest_is_refused_in_time(
    trouble: Trouble, desk: Desk, centre: Centre
) -> None:
    """In each trouble known residents are answered 200 with their age; others get the typed error in time.

    Once the centre is back, fresh answers resume within 5 s, in the same process.
    """
    young, pid = desk.new(), desk.gateway.pid
    assert desk.ask(young, LONG).body["source"] == "centre"
    trouble.strike(centre)

    assert_honest_age(desk.ask(young, LONG, cache_control="max-stale=3600"))
    first = desk.ask(desk.new(), trouble.deadline)
    assert (first.code, first.body["executed"]) == (trouble.code, trouble.executed)
    old, *refused = desk.punctual(lambda: desk.ask_all([desk.remembered[trouble.name], *desk.some_new()]))
    assert_honest_age(old)
    assert old.body["age_seconds"] > FRESH + STALE
    told = {(answer.code, answer.body["executed"]) for answer in refused}
    assert told <= {(trouble.code, trouble.executed), (trouble.code, "no"), *HELD_BACK}
    assert all(answer.body["retryable"] for answer in refused)
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}

    def come_back() -> None:
        trouble.strike(centre)
        centre.behave()
        waiting = desk.new()
        eventually(lambda: desk.ask(waiting).body.get("source") == "centre", 4 * RECOVERY, "fresh answers resume")

    quick_once(lambda: seconds_of(come_back), RECOVERY)
    assert desk.gateway.pid == pid


def test_an_answer_given_twice_is_taken_once(desk: Desk, centre: Centre) -> None:
    """A centre that says everything twice never makes one resident's copy the answer about the next."""
    centre.fail("duplicate_ack")
    for nik in desk.some_new():
        answer = desk.ask(nik, LONG)
        assert (answer.status, answer.nik, answer.body["source"]) == (200, nik, "centre")


def test_a_spent_quota_is_named_and_ends_with_its_right(desk: Desk, centre: Centre) -> None:
    """Where the centre says the quota is used up, known residents are answered and others get `quota_exhausted`.

    Nothing more is sent for that right, and another right goes on as soon as the centre does.
    """
    known = desk.new()
    assert ask(desk.gateway, desk.load_key, known).status == 200
    centre.fail("quota_exhausted")
    refused = ask(desk.gateway, desk.load_key, desk.new(), deadline=LONG)
    assert (refused.status, refused.code, refused.body["executed"]) == (429, "quota_exhausted", "no")
    assert int(refused.headers["retry-after"]) > 0
    assert_honest_age(ask(desk.gateway, desk.load_key, known, deadline=LONG))
    centre.behave()
    with centre.counting() as counted:
        assert ask(desk.gateway, desk.load_key, desk.new(), deadline=LONG).code == "quota_exhausted"
    assert counted.calls == 0
    assert desk.ask(desk.new(), LONG).body["source"] == "centre"


def test_a_caller_may_refuse_what_is_old(desk: Desk, centre: Centre) -> None:
    """`Cache-Control: max-stale=0` while the centre is away gets the typed error instead of an old answer."""
    nik = desk.new()
    stored = desk.ask(nik, LONG)
    assert stored.status == 200
    centre.behave(mode="refuse")
    eventually(lambda: time.time() - stored.as_of > FRESH, 5.0, "the answer is past its freshness")
    refused = desk.ask(nik, LONG, cache_control="max-stale=0")
    assert refused.status == 503
    assert refused.code in {"centre_unreachable", "centre_unavailable"}
    assert_honest_age(desk.ask(nik, LONG))


def test_a_long_outage_does_not_delay_the_return(
    nursery: Nursery, centre: Centre, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With the breaker as it comes, after rests that grew to their longest, fresh answers resume within 5 s."""
    centre.behave()
    gateway = ForkedGateway(nursery, tmp_path_factory.mktemp("outage"), centre.url)
    key, niks = gateway.add_client("desk"), itertools.cycle(centre.niks(200))
    with gateway:

        def opened(since: int) -> bool:
            ask(gateway, key, next(niks), deadline=DEADLINE)
            return gateway.log()[since:].count('"after":"open","reason":"probe_failed"') >= 2

        def come_back() -> None:
            centre.behave()
            eventually(lambda: ask(gateway, key, next(niks), deadline=DEADLINE).status == 200, 20.0, "fresh answers")

        def grow_and_come_back() -> float:
            centre.behave(mode="refuse")
            seen = len(gateway.log())
            eventually(lambda: opened(seen), 30.0, "the breaker's rest has grown")
            return seconds_of(come_back)

        quick_once(grow_and_come_back, RECOVERY)
