"""The cases of the fire drill; each starts from a fresh stage and names what went wrong.

| case | what happens | what must be kept |
| --- | --- | --- |
| `slow_centre` | the centre does 5 % of its usual work | known answers; the rest is answered or refused, never lost |
| `centre_faults` | every fault and mode of the centre in turn | known answers; no fault becomes *not found* |
| `three_days_away` | no centre for three days, a restart in between | known answers; after its return everything |
| `clock_skew` | the clock jumps an hour and two days, both ways | every answer |
| `burst` | fifty times its share at once | the neighbours' answers |
| `fails_at_start`, `…_request`, `…_close` | it raises by itself | the neighbours; and it works once mended |

Those of the write half stand in `write_cases`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.testing.drill.case import DAY, HOUR, Case
from gateway.testing.drill.play import SPENT, Play, Traffic, faults_of, playing
from gateway.testing.drill.raising import raising
from gateway.testing.drill.write_cases import WRITES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.testing.drill.raising import Moment
    from gateway.testing.licence.subject import Subject

WARM = 8
"""Residents that are known before the bad time begins."""

SHARE = 2
"""Questions at once of an ordinary desk."""

BURST = 50 * SHARE
_BACK_WITHIN = 8.0
_IMPATIENT = 0.4
_WORKERS, _USUAL = 4, 0.01
"""The centre's usual capacity in the drill: 400 calls a second."""

_FAULTS = (
    "latency",
    "error_500",
    "html_502",
    "truncated_json",
    "reset_before_read",
    "reset_after_read",
    "drip",
)
_MODES = ("refuse", "hang", "maintenance", "down")


def _slow_centre(subject: Subject) -> Iterator[str]:
    with playing(subject) as play:
        warm = play.people(WARM)
        yield from faults_of(play.ask_all(warm), all_good=True, when="on a normal day: ")
        play.stage.behave(workers=_WORKERS, mean_seconds=_USUAL * 20)
        cold = play.ask_all(play.people(60), at_once=20, deadline=1.0)
        yield from faults_of(cold, when="slow: ")
        if not any(each.fate == "good" for each in cold):
            yield "slow: nothing new was answered at all"
        yield from faults_of(play.ask_all(warm), all_good=True, when="slow, known before: ")


def _centre_faults(subject: Subject) -> Iterator[str]:
    behaviours: list[tuple[str, dict[str, Any]]] = [
        (kind, {"faults": [{"kind": kind, "rate": 1.0, "seconds": 1.0}]}) for kind in _FAULTS
    ]
    behaviours += [(mode, {"mode": mode}) for mode in _MODES]
    behaviours.append((SPENT, {"faults": [{"kind": SPENT, "rate": 1.0}]}))  # last: believed until the quota day ends
    with playing(subject) as play:
        warm = play.people(WARM)
        yield from faults_of(play.ask_all(warm), all_good=True, when="on a normal day: ")
        for name, behaviour in behaviours:
            play.stage.behave(**behaviour)
            yield from faults_of(play.ask_all(play.people(2), at_once=2, deadline=_IMPATIENT), when=f"{name}: ")
            yield from faults_of(play.ask_all(warm[:2]), all_good=True, when=f"{name}, known before: ")
            if name == SPENT:
                return
            play.stage.behave()
            healed = play.until_good(play.people(1)[0], _BACK_WITHIN)
            yield from faults_of([healed], all_good=True, when=f"after {name}: ")


def _three_days_away(subject: Subject) -> Iterator[str]:
    with playing(subject) as play:
        warm = play.people(WARM)
        yield from faults_of(play.ask_all(warm), all_good=True, when="on a normal day: ")
        play.stage.behave(mode="refuse")
        for hours in (1, 23, 24):
            play.stage.clock.ahead += hours * HOUR
            yield from _while_away(play, warm)
        play.stage.restart()
        play.stage.clock.ahead += DAY
        yield from _while_away(play, warm)
        play.stage.behave()
        told = play.until_good(play.people(1)[0], _BACK_WITHIN)
        yield from faults_of([told], all_good=True, when="the centre is back: ")


def _while_away(play: Play, warm: list[Any]) -> Iterator[str]:
    after = f"after {play.stage.clock.ahead / HOUR:.0f} hours: "
    yield from faults_of(play.ask_all(warm), all_good=True, when=f"{after}known before: ")
    yield from faults_of(play.ask_all(play.people(2)), when=after)


def _clock_skew(subject: Subject) -> Iterator[str]:
    with playing(subject) as play:
        warm = play.people(WARM)
        for ahead in (0.0, HOUR, -HOUR, 2 * DAY, -2 * DAY):
            play.stage.clock.ahead = ahead
            asked = [*warm, *play.people(2)]
            yield from faults_of(play.ask_all(asked), all_good=True, when=f"clock {ahead:+.0f} s: ")


def _burst(subject: Subject) -> Iterator[str]:
    with playing(subject) as play:
        play.stage.behave(workers=_WORKERS, mean_seconds=_USUAL)
        quiet = play.people(5)
        with play.crowd(play.people(BURST), at_once=BURST) as crowd:
            fault = play.neighbours_fault(quiet)
        yield from faults_of(crowd.told, when="in the burst: ")
        if fault:
            yield fault


def _fails_at(moment: Moment) -> Callable[[Subject], Iterator[str]]:
    return lambda subject: _raises(subject, moment)


def _raises(subject: Subject, moment: Moment) -> Iterator[str]:
    with subject.stage() as stage:
        traffic = Traffic(subject)
        with raising(subject, moment):
            stage.reload()
            play = Play(stage, traffic, subject.key_of(stage))
            person, *others = play.people(4)
            told = play.ask(person)
            driven = subject.kind == "adapter" or bool(subject.member.policies)
            if moment == "request" and driven and told.fate == "good":
                yield "its failure was hidden: the answer was good"
            if subject.kind == "adapter" or moment != "request":  # a policy that fails refuses everybody
                yield from filter(None, [play.neighbours_fault(others)])
        stage.reload()  # closes the one that raises
        yield from faults_of([play.ask(person)], all_good=True, when="once mended: ")
        yield from _failed_to_close(stage.logged.getvalue(), subject.name, planned=moment == "close")


def _failed_to_close(log: bytes, name: str, *, planned: bool) -> Iterator[str]:
    for line in map(json.loads, log.splitlines()):
        if line.get("stage") != "close" or line.get("extension") != name:
            continue
        if not (planned and str(line["reason"]).startswith("Planned")):
            yield f"close() failed: {line['reason']}"
            return


CASES: tuple[Case, ...] = (
    Case(
        "slow_centre",
        "The centre does a twentieth of its usual work: what was known is answered, nothing is lost.",
        "pass on the errors host.ask raises, and the request's deadline",
        _slow_centre,
    ),
    Case(
        "centre_faults",
        "No fault of the centre is lost, or told as something it is not, such as not found.",
        "let every GatewayError of host.ask pass; never take an error for an empty answer",
        _centre_faults,
    ),
    Case(
        "three_days_away",
        "Three days without the centre, a restart in between: what was known is answered; then all is as before.",
        "take answers from the cache: leave Asking.freshness alone unless the caller asked; keep no state in memory",
        _three_days_away,
    ),
    Case(
        "clock_skew",
        "The clock jumps an hour and two days, both ways: every question is answered.",
        "take times from host.clock; use monotonic() for pauses and deadlines",
        _clock_skew,
    ),
    Case(
        "burst",
        "Fifty times its share at once: its neighbours are answered, nothing is lost.",
        "await everything; no thread, lock or blocking call in a handler",
        _burst,
    ),
    Case(
        "fails_at_start",
        "It cannot open: the others serve, close() copes with what was never opened, and it works once mended.",
        "let close() release only what open() made",
        _fails_at("start"),
    ),
    Case(
        "fails_at_request",
        "A request fails after its work: the others serve, and the same request succeeds once mended.",
        "make writes repeatable: INSERT ... ON CONFLICT, no state between requests",
        _fails_at("request"),
    ),
    Case(
        "fails_at_close",
        "It cannot close: the others serve, it is gone in time, and it works once loaded again.",
        "bound close() in time",
        _fails_at("close"),
    ),
    *WRITES,
)
"""All cases, in the order they are played."""
