"""What the counter of the story counts as lost."""

from __future__ import annotations

from gateway.demo.counter import Tally


def test_a_refusal_that_says_nothing_is_lost() -> None:
    """A typed refusal counts as told; `internal` and what is neither answer nor refusal count as lost."""
    tally = Tally()
    tally.count(503, {"code": "centre_unavailable"}, 0.1)
    tally.count(500, {"code": "internal"}, 0.1)
    tally.count(502, {}, 0.1)
    assert (tally.refused, tally.lost, tally.codes) == (1, 2, {"centre_unavailable": 1})
