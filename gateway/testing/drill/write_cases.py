"""The write half of the fire drill: what has a receipt reaches the centre exactly once.

| case | what happens | what must be kept |
| --- | --- | --- |
| `write_lost_answers` | the centre takes hand-ins and loses, cuts or doubles its answers | each once |
| `write_slow_centre` | the centre does 5 % of its usual work | accepted promptly, each once |
| `write_three_days_away` | no centre for three days, a restart in between, hand-ins repeated after days | each once |
| `write_clock_skew` | the clock jumps an hour and two days, both ways | accepted, each once |
| `write_fails_at_request` | it raises after a hand-in, which is repeated once it is mended | once |
| `write_burst` | fifty times its share at once | the neighbours' answers; accepted, each once |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.testing.drill.case import DAY, HOUR, Case
from gateway.testing.drill.raising import raising
from gateway.testing.drill.receipts import handing_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.testing.licence.subject import Subject

SHARE = 2
"""Hand-ins at once of an ordinary desk."""

BURST = 50 * SHARE
CROWD = 40
"""Hand-ins at once to the slow centre: two seconds of its work."""

_WORKERS, _USUAL = 4, 0.01
_LOSING = ("timeout_after_commit", "reset_after_read", "duplicate_ack")


def _lost_answers(subject: Subject) -> Iterator[str]:
    with handing_in(subject) as receipts:
        yield from receipts.learn()
        stage = receipts.play.stage
        for kind in _LOSING:
            stage.behave(faults=[{"kind": kind, "rate": 1.0, "methods": ["SUBMIT"]}])
            people = receipts.play.people(3)
            yield from receipts.hand_in(people, f"{kind}: ")
            yield from receipts.hand_in(people, f"{kind}, repeated: ")
        stage.behave()
        yield from receipts.faults("the centre is well again: ")


def _slow_centre(subject: Subject) -> Iterator[str]:
    with handing_in(subject) as receipts:
        yield from receipts.learn()
        receipts.play.stage.behave(workers=_WORKERS, mean_seconds=_USUAL * 20)
        yield from receipts.hand_in(receipts.play.people(CROWD), "slow: ", at_once=CROWD)
        yield from receipts.faults("slow: ")


def _three_days_away(subject: Subject) -> Iterator[str]:
    with handing_in(subject) as receipts:
        yield from receipts.learn()
        play, stage = receipts.play, receipts.play.stage
        stage.behave(mode="refuse")
        first = play.people(3)
        yield from receipts.hand_in(first, "away: ")
        for hours in (1, 23, 24):
            stage.clock.ahead += hours * HOUR
            yield from receipts.hand_in(play.people(2), f"after {hours} more hours: ")
        stage.restart()
        stage.clock.ahead += DAY
        yield from receipts.hand_in(first, "repeated after three days and a restart: ")
        stage.behave()
        yield from receipts.faults("the centre is back: ")


def _clock_skew(subject: Subject) -> Iterator[str]:
    with handing_in(subject) as receipts:
        yield from receipts.learn()
        for ahead in (HOUR, -HOUR, 2 * DAY, -2 * DAY):
            receipts.play.stage.clock.ahead = ahead
            yield from receipts.hand_in(receipts.play.people(2), f"clock {ahead:+.0f} s: ")
        yield from receipts.faults("after the jumps: ")


def _fails_at_request(subject: Subject) -> Iterator[str]:
    with handing_in(subject) as receipts:
        yield from receipts.learn()
        play, stage = receipts.play, receipts.play.stage
        people = play.people(2)
        with raising(subject, "request"):
            stage.reload()
            told = play.ask_all(people)
            if any(one.fate == "good" for one in told):
                yield "its failure was hidden: the answer was a receipt"
            yield from filter(None, [play.neighbours_fault(play.people(2))])
        stage.reload()
        yield from receipts.hand_in(people, "once mended: ")
        yield from receipts.faults("once mended: ")


def _burst(subject: Subject) -> Iterator[str]:
    with handing_in(subject) as receipts:
        yield from receipts.learn()
        play = receipts.play
        play.stage.behave(workers=_WORKERS, mean_seconds=_USUAL)
        people, quiet = play.people(BURST), play.people(5)
        with play.crowd(people, at_once=BURST) as crowd:
            fault = play.neighbours_fault(quiet)
        yield from receipts.accepted(people, crowd.told, "in the burst: ")
        if fault:
            yield fault
        yield from receipts.faults("after the burst: ")


WRITES: tuple[Case, ...] = (
    Case(
        "write_lost_answers",
        "The centre takes hand-ins and loses, cuts or doubles its answers: each has one effect.",
        "hand in with host.submit under the caller's key and leave resending to the gateway",
        _lost_answers,
        "write",
    ),
    Case(
        "write_slow_centre",
        "The centre does a twentieth of its usual work: hand-ins are accepted promptly, and arrive once.",
        "do not ask the centre, nor wait for it, before a hand-in is answered",
        _slow_centre,
        "write",
    ),
    Case(
        "write_three_days_away",
        "Three days without the centre, a restart, the same handed in again: accepted, and each arrives once.",
        "derive the key of a hand-in from the hand-in alone; keep nothing in memory that a receipt was given for",
        _three_days_away,
        "write",
    ),
    Case(
        "write_clock_skew",
        "The clock jumps an hour and two days, both ways: hand-ins are accepted, and each arrives once.",
        "take times from host.clock, and expect them to go back",
        _clock_skew,
        "write",
    ),
    Case(
        "write_fails_at_request",
        "A request fails after its hand-in and is repeated once mended: it arrives once, and the others serve.",
        "give host.submit the caller's own Idempotency-Key, never one made for the request",
        _fails_at_request,
        "write",
    ),
    Case(
        "write_burst",
        "Fifty times its share of hand-ins at once: its neighbours are answered, and each arrives once.",
        "await everything; no thread, lock or blocking call in a handler",
        _burst,
        "write",
    ),
)
"""All cases of the write half, in the order they are played."""
