"""A planted bad adapter for each rule of the licence is caught by that rule; the good one it was made of passes all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.testing import check_extension
from gateway.testing.drill.cases import CASES
from gateway.testing.licence.checking import DRILL, RULES
from tests.licence.conftest import PLANTED

if TYPE_CHECKING:
    from gateway.testing import Line
    from tests.licence.conftest import Plant

EVERY = {**{rule.name: rule.name for rule in RULES}, **{f"{DRILL}{case.name}": f"drill_{case.name}" for case in CASES}}

WRITES = [f"{DRILL}{case.name}" for case in CASES if case.half == "write"]

CAUGHT = {
    "manifest": "is to do, and tier gold asks for it",
    "readme": "it has 7 words",
    "imports": "__init__.py:5 imports gateway.settings",
    "measured": "its README names no cost per request",
    "typed": "Function is missing a type annotation",
    "strict_config": "LooseConfig is not strict=True",
    "config_documented": "days is not described",
    "contract": "was written for version 2 of the contract",
    "routes": "GET /names/{nik} has personal data in its path",
    "two_languages": "POST /names has one summary for both languages",
    "health_check": "it registers no health check",
    "life": "it leaves threads behind: forever",
    "examples": "named: /name is not expected",
    "no_personal_data": "the name of a resident stands in its log",
    "tests": "POST /apps/planted/other has no example",
    "bounded_memory": "what it keeps grew by 150 entries",
    "drill:slow_centre": "wrong: 200",
    "drill:centre_faults": "wrong: 404 not_found",
    "drill:three_days_away": "known before: 8 of 8 refused",
    "drill:clock_skew": "lost: 500 internal",
    "drill:burst": "a neighbour wa",
    "drill:fails_at_start": "close() failed: AttributeError",
    "drill:fails_at_request": "once mended: 1 of 1 lost: 500 internal",
    "drill:fails_at_close": "close() failed: it took too long",
    "drill:write_lost_answers": "2 submissions were made of one hand-in",
    "drill:write_slow_centre": "slow: ",
    "drill:write_three_days_away": "the centre is back: 2 submissions were made of one hand-in",
    "drill:write_clock_skew": "lost: 500 internal",
    "drill:write_fails_at_request": "once mended: 2 submissions were made of one hand-in",
    "drill:write_burst": "a neighbour wa",
}
"""What each rule says of the adapter planted for it."""

HELD_HARDER = ("typed",)
"""Caught in `test_rules`, where a config of the folder that would make it milder lies in wait."""


def test_every_rule_has_its_planted_adapter() -> None:
    """Nothing is asked that was never seen to fail."""
    assert CAUGHT.keys() == EVERY.keys()
    assert {path.name for path in PLANTED.iterdir() if path.is_dir()} - {"__pycache__"} == {
        "good",
        "good_counter",
        *EVERY.values(),
    }


@pytest.mark.parametrize("rule", [rule for rule in CAUGHT if rule not in HELD_HARDER])
def test_the_rule_catches_the_adapter_planted_for_it(plant: Plant, rule: str) -> None:
    """The report names the culprit and the cure."""
    plant(EVERY[rule])
    report = check_extension("planted", only=(rule,))
    (line,) = report.lines
    assert (line.verdict, report.passed) == ("failed", False)
    assert CAUGHT[rule] in "\n".join(line.details)
    assert line.cure


def test_the_good_one_passes_every_rule(plant: Plant) -> None:
    """What the planted ones were made of is without fault, so that each was caught for its own."""
    plant("good")
    told: list[Line] = []
    report = check_extension("planted", tell=told.append, leave_out=("typed",))
    assert [(line.rule, line.details) for line in report.lines if line.verdict not in {"ok", "left out"}] == []
    assert [line.rule for line in told] == [rule for rule in EVERY if rule not in WRITES], "it hands nothing in"


def test_the_good_one_that_hands_in_passes_the_write_half(plant: Plant) -> None:
    """Its example says that it hands in; so it is put to the write half, and keeps every receipt."""
    plant("good_counter")
    some = ("examples", "drill:write_lost_answers", "drill:write_three_days_away")
    report = check_extension("planted", only=some)
    assert [(line.rule, line.verdict, line.details) for line in report.lines] == [(rule, "ok", ()) for rule in some]


@pytest.mark.soak
def test_the_good_one_that_hands_in_passes_every_rule(plant: Plant) -> None:
    """An adapter that hands in passes the whole licence, both halves of the fire drill included."""
    plant("good_counter")
    report = check_extension("planted", leave_out=("typed",))
    assert [(line.rule, line.details) for line in report.lines if line.verdict not in {"ok", "left out"}] == []
    assert [line.rule for line in report.lines] == list(EVERY)
