"""How fast the outbox drains: as wide as the centre takes it, a probe every few seconds while it does not."""

from __future__ import annotations

import random

from gateway.flows.drain import PROBE_EVERY, Drain


def drain(widest: int = 64) -> Drain:
    """A new one."""
    return Drain(widest, random.Random(1))


def test_it_begins_with_one_and_doubles() -> None:
    """Each round of answers doubles the width until it is as wide as it may be."""
    one, widths = drain(), []
    for _ in range(8):
        widths.append(one.room(0.0, ()))
        for _answer in range(widths[-1]):
            one.went_well(0.0)
    assert widths == [1, 2, 4, 8, 16, 32, 64, 64]
    assert one.room(0.0, [0.0] * 60) == 4
    assert one.room(0.0, [0.0] * 70) == 0


def test_a_refusal_halves_it_and_makes_it_pause() -> None:
    """Refused once, with others under way, it halves once, rests a moment, and then widens by one a round."""
    one = drain()
    for _ in range(15):
        one.went_well(0.0)
    assert one.width == 16
    for _ in range(5):
        one.refused(10.0)
    assert one.width == 8
    assert one.room(10.0, ()) == 0
    assert 0.0 < one.resumes_in(10.0) <= 0.25
    later = 10.0 + one.resumes_in(10.0)
    assert one.room(later, ()) == 1
    one.went_well(0.0)
    assert one.room(later, ()) == 8
    for _ in range(8):
        one.went_well(0.0)
    assert one.width == 9


def test_while_the_centre_is_away_it_probes_within_five_seconds() -> None:
    """Pauses double to a few seconds and stay there for a month; one call at a time goes out."""
    one, now, pauses = drain(), 0.0, []
    for _ in range(200):
        one.refused(now)
        pauses.append(one.resumes_in(now))
        now += pauses[-1]
        assert one.room(now, ()) == 1
        assert one.room(now, [now]) == 0
    assert max(pauses) <= PROBE_EVERY
    assert min(pauses[10:]) >= PROBE_EVERY / 2


def test_when_the_centre_is_back_it_is_wide_at_once() -> None:
    """Woken, it tries at once; after an absence the width is doubled again, round by round."""
    one, now = drain(), 0.0
    for _ in range(50):
        one.refused(now)
        now += one.resumes_in(now)
    one.refused(now)
    one.wake()
    assert one.room(now, ()) == 1
    for _ in range(63):
        one.went_well(0.0)
    assert one.room(now, ()) == 64


def test_calls_that_hang_do_not_hide_the_return() -> None:
    """However many hang, one is tried every few seconds; once it is answered, those it overtook count no more."""
    one, hanging = drain(), [0.0] * 64
    for _ in range(63):
        one.went_well(-1.0)
    assert one.room(PROBE_EVERY - 0.1, hanging) == 0
    assert one.room(PROBE_EVERY, hanging) == 1
    probe = PROBE_EVERY
    assert one.room(probe + 0.1, [*hanging, probe]) == 0
    one.went_well(probe)
    assert one.room(probe + 0.1, hanging) == 64
