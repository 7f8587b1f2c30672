"""The book of the allowance, figure by figure: what mutation tests showed nobody looked at."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from gateway.centre.allowance import Allowance
from gateway.centre.allowance_book import SPREAD, AllowanceBook, DayRow
from gateway.centre.verdict import ADMIT, Refuse
from gateway.contract.errors import QuotaExhausted
from gateway.contract.messages import CentreService, Right
from gateway.settings.centre import AllowanceSettings
from tests.centre.stage import FarEnd, LoopClock, a_call, raises, virtually

JAKARTA = ZoneInfo("Asia/Jakarta")
NOON = datetime(2027, 1, 15, 12, tzinfo=JAKARTA).timestamp()
TODAY, TOMORROW = "2027-01-15", "2027-01-16"
BIODATA, VERIFY, CARD = CentreService.BIODATA, CentreService.VERIFY, CentreService.FAMILY_CARD
PROBE = 900.0


class Lowest(Random):
    """Draws the lower end of every range."""

    def uniform(self, a: float, b: float) -> float:
        """The lower end."""
        del b
        return a


def rights(allowance: int | None) -> dict[str, Right]:
    """One right."""
    every = frozenset(CentreService)
    return {"dinas": Right("dinas", "Dinas", every, frozenset(), frozenset(), daily_allowance=allowance)}


def book(allowance: int | None = 10, **knobs: Any) -> AllowanceBook:
    """A book of one right, without jitter."""
    return AllowanceBook(rights(allowance), AllowanceSettings(**knobs), zone=JAKARTA, random=Lowest())


def use(of: AllowanceBook, count: int, service: CentreService = BIODATA, now: float = NOON) -> None:
    """Spend so many attempts, each of which the centre saw."""
    for _ in range(count):
        assert of.offer(now, "dinas", service) is ADMIT
        of.settle(of.spend(now, "dinas", service), sent=True)


def refused(of: AllowanceBook, service: CentreService = BIODATA, now: float = NOON) -> str:
    """Why nothing may be spent; the wait leads exactly to midnight."""
    verdict = of.offer(now, "dinas", service)
    assert isinstance(verdict, Refuse)
    assert verdict.after == 12 * 3600.0 - (now - NOON)
    return verdict.reason


def stop(of: AllowanceBook, now: float = NOON) -> None:
    """The centre says that the day is used up."""
    of.settle(of.spend(now, "dinas", BIODATA), sent=True, exhausted=True)


def test_each_refusal_has_its_reason() -> None:
    """What is spent, what is kept for another service, and what the centre calls used up are told apart."""
    spent = book(2)
    use(spent, 2)
    assert refused(spent) == "spent"
    reserved = book(10, reserve={"verify": 0.3})
    use(reserved, 7)
    assert refused(reserved) == "reserved"
    exhausted = book(10)
    stop(exhausted)
    assert refused(exhausted) == "exhausted"
    assert SPREAD == 60.0


def test_reserves_add_up_and_shrink_as_they_are_used() -> None:
    """Two services keep their parts beside each other; what they used of them is free no longer, nor kept."""
    of = book(20, reserve={"verify": 0.2, "family_card": 0.1})
    use(of, 3, VERIFY)
    use(of, 2, CARD)
    use(of, 14)
    assert refused(of) == "reserved"
    use(of, 1, VERIFY)
    assert refused(of, CARD) == "spent"


def test_a_service_may_use_more_than_its_reserve() -> None:
    """A reserve that is more than used up keeps nothing from the others, and gives nothing either."""
    of = book(10, reserve={"verify": 0.2})
    use(of, 6, VERIFY)
    use(of, 4)
    assert refused(of) == "spent"


def test_reserves_are_parts_of_what_the_centre_gave_where_nothing_is_configured() -> None:
    """Without an allowance of our own the whole is what the centre says is left and what was spent."""
    of = book(None, reserve={"verify": 0.5})
    of.settle(of.spend(NOON, "dinas", BIODATA), sent=True, quota_left=9)
    use(of, 4)
    assert refused(of) == "reserved"
    assert of.left(NOON, "dinas") == 5


@pytest.mark.parametrize("left", [7, 50])
def test_the_centres_word_counts_above_ours_unless_ours_is_a_cap(left: int) -> None:
    """More left than we counted is believed up to what the config allows."""
    of = book(10)
    use(of, 8)
    of.settle(of.spend(NOON, "dinas", BIODATA), sent=True, quota_left=left)
    assert of.left(NOON, "dinas") == (left if left <= 10 else 1)


@pytest.mark.parametrize(("allowance", "used", "probed"), [(None, 0, True), (10, 8, True), (10, 9, False)])
def test_a_stop_is_probed_only_below_our_own_count(allowance: int | None, used: int, *, probed: bool) -> None:
    """A quarter of an hour later one attempt goes through, unless the day is used up by our own count too."""
    of = book(allowance)
    use(of, used)
    stop(of)
    later = NOON + PROBE
    assert refused(of, now=later - 1.0) == "exhausted"
    assert (of.offer(later, "dinas", BIODATA) is ADMIT) is probed


def test_the_last_one_left_by_the_centres_count_is_a_reason_to_probe() -> None:
    """With one left by `quotaLimiter` a stop is looked at again, with none it is not."""
    for left, goes in ((1, True), (0, False)):
        of = book(10)
        of.settle(of.spend(NOON, "dinas", BIODATA), sent=True, quota_left=left + 1)
        stop(of)
        assert (of.offer(NOON + PROBE, "dinas", BIODATA) is ADMIT) is goes


def row(used: int, *, day: str = TODAY, left: int | None = None, exhausted: bool = False) -> DayRow:
    """A stored row."""
    return DayRow("dinas", day, BIODATA, used, left, exhausted)


def test_rows_of_a_day_are_taken_together() -> None:
    """Whatever the order of the rows: the fewest left count, one stop is enough, and a later day is the present one."""
    for rows in ([row(3, left=4), row(3, left=6)], [row(3, left=6), row(3, left=4)]):
        of = book()
        of.load(rows)
        assert of.left(NOON, "dinas") == 4
    for rows in ([row(1, exhausted=True), row(1)], [row(1), row(1, exhausted=True)]):
        of = book()
        of.load(rows)
        assert of.left(NOON, "dinas") == 0
    of = book()
    of.load([row(0), row(5, day=TOMORROW)])
    assert of.unsaved("dinas") == [row(0, day=TOMORROW)]
    assert of.left(NOON, "dinas") == 5


def test_a_stored_zero_is_zero() -> None:
    """A day nothing was spent on begins with its whole allowance."""
    of = book()
    of.load([row(0)])
    assert of.left(NOON, "dinas") == 10


def test_what_is_saved_is_what_was_added_and_the_centres_word() -> None:
    """Only what was spent since is added, with what is left and whether it is used up; others' spending is learnt."""
    of = book()
    of.settle(of.spend(NOON, "dinas", BIODATA), sent=True, quota_left=8)
    assert of.unsaved("dinas") == [row(1, left=8)]
    of.saved(of.unsaved("dinas"), {("dinas", TODAY, BIODATA): 4})
    assert of.unsaved("dinas") == [row(0, left=8)]
    stop(of)
    assert of.unsaved("dinas") == [row(1, left=7, exhausted=True)]


def test_what_others_gave_back_is_never_less_than_nothing() -> None:
    """A stored count below ours, as after another instance gave attempts back, brings ours down to it, not below 0."""
    of = book()
    use(of, 2)
    of.saved(of.unsaved("dinas"), {("dinas", TODAY, BIODATA): 2})
    of.saved(of.unsaved("dinas"), {("dinas", TODAY, BIODATA): 0})
    assert of.left(NOON, "dinas") == 10


def test_a_clock_set_back_over_midnight_keeps_the_stricter_word() -> None:
    """The earlier day goes on with the fewer left and with a stop of either day."""
    for first, second, left in ((5, 3, 3), (3, 5, 3), (None, 4, 4)):
        of = book(None)
        of.settle(of.spend(NOON, "dinas", BIODATA), sent=True, quota_left=first)
        of.settle(of.spend(NOON + 86_400.0, "dinas", BIODATA), sent=True, quota_left=second)
        assert of.left(NOON, "dinas") == left
    stopped_first = book()
    stop(stopped_first)
    use(stopped_first, 1, now=NOON + 86_400.0)
    assert stopped_first.left(NOON, "dinas") == 0


def test_a_refusal_of_the_link_is_told_and_keeps_the_centres_words() -> None:
    """The log names right, service and reason; the centre's refusal keeps its text and what it did."""

    async def main() -> None:
        far = FarEnd(LoopClock(), raises(QuotaExhausted("said so", executed="yes")))
        link = Allowance(
            far, AllowanceSettings(), rights=rights(5), zone=JAKARTA, store=None, clock=far.clock, random=Lowest()
        )
        with pytest.raises(QuotaExhausted) as first:
            await link.ask(a_call(service=VERIFY))
        assert (first.value.detail, first.value.executed) == ("said so", "yes")
        with capture_logs() as logs, pytest.raises(QuotaExhausted):
            await link.ask(a_call(service=VERIFY))
        assert logs == [
            {
                "event": "centre.allowance.refused",
                "log_level": "info",
                "right": "dinas",
                "service": VERIFY,
                "reason": "exhausted",
            }
        ]

    virtually(main())
