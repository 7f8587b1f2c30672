"""The guided story: told small, with the same real parts."""

from __future__ import annotations

import re

import pytest
import uvloop
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.demo import _table
from gateway.demo.clock import StoryClock
from gateway.demo.counter import Tally, some
from gateway.demo.desk import reconcile
from gateway.demo.story import DAY, Scale, Story, Told
from gateway.log import configure

SMALL = Scale(known=40, strangers=24, handed_in=8, day=0.3, pause=0.1, deadline=3.0)
TRIES = 3
REMEMBERED = 600


@pytest.fixture(scope="module")
def told() -> tuple[Told, str]:
    """The story, and what it said; told again where the machine was too busy for it.

    Its days last a third of a second: where they pass faster than questions are asked, known ones are refused for
    being late, and who is refused on the normal day is known to nobody later. What is wrong by itself stays wrong.
    """
    configure("error")
    for _ in range(TRIES):
        said: list[str] = []
        outcome = uvloop.run(Story(said.append, lambda _text, _share: None, SMALL).tell())
        chapters = dict(outcome.chapters)
        if not chapters["normal day"].refused and chapters["a month away"].remembered == REMEMBERED:
            break
    return outcome, "\n".join(said)


def test_nothing_is_lost_and_nothing_doubled(told: tuple[Told, str]) -> None:
    """Every question is answered or refused with a reason; fifty equal ones reach the centre once."""
    outcome, said = told
    assert (outcome.lost, outcome.doubled) == (0, 0)
    assert "the centre was asked 1 time(s)" in said


def test_a_month_without_the_centre_keeps_the_known_answered(told: tuple[Told, str]) -> None:
    """All who were known are answered, the oldest from weeks ago; who was not is told why."""
    away = dict(told[0].chapters)["a month away"]
    assert away.remembered == REMEMBERED
    assert away.refused == away.asked - REMEMBERED
    assert away.oldest > 20 * DAY
    assert set(away.codes) <= {"centre_timeout", "centre_unavailable", "overloaded"}


def test_all_that_was_handed_in_is_delivered_once(told: tuple[Told, str]) -> None:
    """Each hand-in was accepted, also while the centre was away, and is at the centre with one effect."""
    chapters = dict(told[0].chapters)
    assert {name: tally.queued for name, tally in chapters.items()} == {
        "normal day": 8,
        "slow day": 8,
        "a month away": 60,
        "it is back": 0,
    }
    assert all(tally.delivered == tally.queued for tally in chapters.values())


def test_the_ledger_shows_losses_and_doubles() -> None:
    """A receipt without an entry is lost; a second effect, a second receipt taken in, and an unknown entry double."""
    first, last = Tally(receipts={"a": {"1"}, "b": {"2"}, "c": {"3", "4"}}), Tally(receipts={"d": {"5"}})
    ledger = [
        {"reference": reference, "effects": count} for reference, count in zip("13459", (2, 1, 1, 1, 1), strict=True)
    ]
    reconcile([first, last], ledger)
    assert (first.delivered, first.undelivered, first.doubled) == (2, 1, 2)
    assert (last.delivered, last.undelivered, last.doubled) == (1, 0, 1)


def test_the_return_is_seen_within_seconds(told: tuple[Told, str]) -> None:
    """Fresh answers come back without a restart."""
    outcome, said = told
    assert outcome.recovery < 10.0
    assert dict(outcome.chapters)["it is back"].fresh > 0
    assert "First fresh answer after" in said


def test_the_table_tells_what_was_lost(told: tuple[Told, str]) -> None:
    """The last row sums the chapters; a loss or a double is shown where it happened."""
    rows = _table(told[0]).splitlines()
    total = next(row for row in rows if row.startswith("in all"))
    assert [int(figure) for figure in re.findall(r"\d+", total)][-2:] == [0, 0]
    bad = Told((("normal day", Tally(asked=3, fresh=1, lost=2, doubled=4, receipts={"k": {"i"}})),), recovery=0.0)
    assert re.search(r"in all\s+3\s+1\s+0\s+1\s+0\s+3\s+4", _table(bad))


def test_a_tally_sorts_answers_from_refusals() -> None:
    """What carries a code is a refusal, what carries no answer is lost."""
    tally = Tally()
    tally.count(200, {"source": "cache", "age_seconds": 5.0}, 0.1)
    tally.count(200, {"source": "centre", "age_seconds": 0.0}, 0.1)
    tally.count(503, {"code": "overloaded"}, 0.1)
    tally.count(500, {}, 0.1)
    assert (tally.fresh, tally.remembered, tally.refused, tally.lost, tally.answered) == (1, 1, 1, 1, 2)
    assert (tally.oldest, tally.codes) == (5.0, {"overloaded": 1})


def test_the_clock_runs_faster_without_a_jump() -> None:
    """Wall time goes on from where it was, only faster; a choice of residents can be replayed."""
    clock = StoryClock()
    before = clock.now()
    clock.run_at(DAY)
    clock.run_at(1.0)
    assert before <= clock.now() < before + DAY
    assert some(["a", "b"], 9, 1) == some(["a", "b"], 9, 1)


@pytest.mark.soak
def test_make_demo_tells_it_in_full() -> None:
    """The command ends with 0 and its table, in under two minutes."""
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 0, result.output
    assert "a month away" in result.output
