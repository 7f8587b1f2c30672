"""One extension on one stage, and what becomes of each question asked through it."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from gateway.contract.errors import Internal, NotFound, every_error
from gateway.testing.examples import Asked, Example, Expected, ask, differences
from gateway.testing.stage import Person

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.testing.licence.subject import Subject
    from gateway.testing.stage import Heard, Stage

Fate = Literal["good", "refused", "wrong", "lost"]

LOOKUP = Example(
    "native look-up",
    Asked("POST", "/v1/residents/lookup", json={"nik": "{nik}", "purpose": "pelayanan"}),
    Expected(200, json={"resident": {"NIK": "{nik}", "NAMA_LGKP": "{name}", "...": "..."}, "...": "..."}),
)
"""What plugins are driven with, and what the neighbours of every extension do."""

DEADLINE = 1.5
"""Seconds a question of the drill waits unless its case says otherwise."""

NEIGHBOUR_WAITS = 3.0
"""Seconds a neighbour waits at most, whatever the extension does."""

NEIGHBOUR_VILLAGE = "3527032001"
SPENT = "quota_exhausted"
"""Fault of the mocked centre: the day's quota is used up."""

_PROBLEM = "application/problem+json"
_NO_EXCUSE = frozenset({Internal.code, NotFound.code})
_CODES = frozenset(error.code for error in every_error()) - _NO_EXCUSE


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one question.

    Attributes:
        fate: Its verdict.
        why: Code of the refusal, or what is wrong.
        seconds: How long it took.
    """

    fate: Fate
    why: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Crowd:
    """What became of many questions."""

    told: list[Told] = field(default_factory=list)


class Traffic:
    """The questions an extension is driven with: its own example that asks about one resident and is answered well.

    Args:
        subject: The extension.
        writes: Drive it with an example that hands in, instead of one that does not.
    """

    def __init__(self, subject: Subject, *, writes: bool = False) -> None:
        good = [each for each in subject.examples if each.centre is None and _is_good(each.answer)]
        good = [each for each in good if each.request.hands_in is writes]
        personal = [each for each in good if each.request.personal]
        fallback = [LOOKUP] if subject.kind == "plugin" and not writes else []
        self.lead: Example | None = next(iter([*personal, *fallback, *good]), None)
        self._refusals = [each for each in subject.examples if each.centre is not None]
        self._excuses: list[Example] = []

    def learn(self, stage: Stage, key: str) -> None:
        """On an ordinary day, see which examples of refusals can be told from other answers; only those excuse."""
        if self.lead is None or not self._refusals:
            return
        person = stage.people()[-1]
        others = [
            (asked, ask(stage, self.lead.request, asked, key, headers={}))
            for asked in (person, Person(stage.nik("unknown"), person.no_kk, person.name))
        ]
        self._excuses = [
            each
            for each in self._refusals
            if each.answer.names_body and all(differences(stage, each.answer, heard, to, key) for to, heard in others)
        ]

    def verdict(self, stage: Stage, heard: Heard, person: Person, key: str) -> Told:
        """What an answer is worth."""
        if self.lead is None:
            raise RuntimeError("there is nothing to drive it with")
        unlike = differences(stage, self.lead.answer, heard, person, key)
        if not unlike:
            return Told("good")
        code = _code_of(heard)
        if code in _CODES:
            return Told("refused", code)
        fitting = (each for each in self._excuses if _is_spent(each.centre or {}) == _is_spent(stage.behaviour))
        if any(not differences(stage, each.answer, heard, person, key) for each in fitting):
            return Told("refused", "its own form")
        if heard.status >= http.client.INTERNAL_SERVER_ERROR or code == Internal.code:
            return Told("lost", f"{heard.status} {code}".strip())
        return Told("wrong", f"{heard.status} {code}: {unlike[0]}")


class Play:
    """One stage with the extension on it.

    Attributes:
        stage: The stage.
        traffic: What is asked.
    """

    def __init__(self, stage: Stage, traffic: Traffic, key: str) -> None:
        self.stage = stage
        self.traffic = traffic
        self._key = key
        self._neighbour = stage.add_client("neighbour", village=NEIGHBOUR_VILLAGE)
        self._people = _one_of_each_family(stage.people())

    def people(self, count: int) -> list[Person]:
        """So many residents nobody has asked about yet."""
        return [next(self._people) for _ in range(count)]

    def ask(self, person: Person, *, deadline: float = DEADLINE) -> Told:
        """One question about a resident, through the extension."""
        if self.traffic.lead is None:
            raise RuntimeError("there is nothing to drive it with")
        began = time.monotonic()
        try:
            heard = ask(
                self.stage, self.traffic.lead.request, person, self._key, headers={"X-Request-Deadline": str(deadline)}
            )
        except (OSError, http.client.HTTPException) as error:
            return Told("lost", type(error).__name__, time.monotonic() - began)
        told = self.traffic.verdict(self.stage, heard, person, self._key)
        return Told(told.fate, told.why, time.monotonic() - began)

    def ask_all(self, people: Sequence[Person], *, at_once: int = 1, deadline: float = DEADLINE) -> list[Told]:
        """A question about each, so many at once."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(lambda person: self.ask(person, deadline=deadline), people))

    @contextmanager
    def crowd(self, people: Sequence[Person], *, at_once: int) -> Iterator[Crowd]:
        """Ask about all of them beside the block; what became of them is known once it is over."""
        crowd = Crowd()
        with ThreadPoolExecutor(at_once) as pool:
            answers = [pool.submit(self.ask, person) for person in people]
            yield crowd
            crowd.told = [answer.result() for answer in answers]

    def until_good(self, person: Person, within: float) -> Told:
        """Ask again and again until it is answered well; the last word."""
        until = time.monotonic() + within
        while (told := self.ask(person)).fate != "good" and time.monotonic() < until:
            time.sleep(0.02)
        return told

    def neighbours_fault(self, people: Sequence[Person]) -> str:
        """What a caller of the native API in another village met; empty if it was served."""
        for person in people:
            began = time.monotonic()
            heard = self.stage.request(
                "POST",
                LOOKUP.request.path,
                {"nik": person.nik, "purpose": "pelayanan"},
                {"X-Request-Deadline": "5"},
                key=self._neighbour,
            )
            if heard.status != http.client.OK:
                return f"a neighbour was refused: {heard.status} {_code_of(heard)}"
            if (waited := time.monotonic() - began) > NEIGHBOUR_WAITS:
                return f"a neighbour waited {waited:.1f} s"
        return ""


@contextmanager
def playing(subject: Subject) -> Iterator[Play]:
    """A fresh stage with the extension, until the block ends."""
    with subject.stage() as stage:
        traffic, key = Traffic(subject), subject.key_of(stage)
        traffic.learn(stage, key)
        yield Play(stage, traffic, key)


def _one_of_each_family(people: Sequence[Person]) -> Iterator[Person]:
    seen = set[str]()
    for person in people:
        if person.no_kk not in seen:
            seen.add(person.no_kk)
            yield person


def faults_of(told: Sequence[Told], *, all_good: bool = False, when: str = "") -> Iterator[str]:
    """What must not be: anything lost or wrong, or refused where all had to be good."""
    bad = {"lost", "wrong", "refused"} if all_good else {"lost", "wrong"}
    found = [each for each in told if each.fate in bad]
    if found:
        yield f"{when}{len(found)} of {len(told)} {found[0].fate}: {found[0].why}"


def _is_good(answer: Expected) -> bool:
    return http.client.OK <= answer.status < http.client.MULTIPLE_CHOICES


def _is_spent(behaviour: Mapping[str, Any]) -> bool:
    """Whether the centre refuses for its quota, which must never pass for its being away, nor the other way round."""
    return any(fault.get("kind") == SPENT for fault in behaviour.get("faults", ()))


def _code_of(heard: Heard) -> str:
    if heard.headers.get("content-type") != _PROBLEM:
        return ""
    try:
        return str(msgspec.json.decode(heard.body)["code"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""
