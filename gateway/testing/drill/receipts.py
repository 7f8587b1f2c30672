"""What was handed in through an extension, held against the centre's ledger.

Each resident is handed in for once, perhaps repeatedly under one name; what that makes on an ordinary day is the
measure. A receipt promises as much at the centre, with one effect each, and never more.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.outbox import Wanted
from gateway.testing.drill.play import Play, Traffic, faults_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.outbox.outbox import Facts
    from gateway.testing.drill.play import Told
    from gateway.testing.licence.subject import Subject
    from gateway.testing.stage import Person, Stage

SETTLES_WITHIN = 12.0
"""Seconds after the bad time within which all that has a receipt is at the centre, or at the extension's own desk."""

PROMPTLY = 3.0
"""Seconds a hand-in may take, whatever the centre does: it is only stored."""

_DESK = frozenset({State.IN_REVIEW, State.RETURNED})
_UNDER_WAY = frozenset({State.QUEUED, State.SENDING, State.UNKNOWN})
_MOST = 100_000


class Receipts:
    """Hands in through the extension and keeps every receipt.

    Args:
        play: The stage, driven with the example that hands in.
        name: The extension.
    """

    def __init__(self, play: Play, name: str) -> None:
        self.play = play
        self._name = name
        self._given: dict[str, Person] = {}
        self._each = 1

    def learn(self) -> Iterator[str]:
        """Hand in once on an ordinary day: what comes of it is the measure of all that follows."""
        (person,) = self.play.people(1)
        yield from self.hand_in([person], "on a normal day: ")
        self._settle()
        self._each = max(1, len(self._made().get(person.nik, ())))
        yield from self.faults("on a normal day: ")

    def hand_in(self, people: Sequence[Person], when: str, *, at_once: int = 4) -> Iterator[str]:
        """Hand in for several: each is accepted, promptly."""
        yield from self.accepted(people, self.play.ask_all(people, at_once=at_once), when)

    def accepted(self, people: Sequence[Person], told: Sequence[Told], when: str) -> Iterator[str]:
        """What must not be among the answers to hand-ins; the good ones are receipts."""
        self._given |= {person.nik: person for person, one in zip(people, told, strict=True) if one.fate == "good"}
        yield from faults_of(told, all_good=True, when=when)
        longest = max(one.seconds for one in told)
        if longest > PROMPTLY:
            yield f"{when}a hand-in waited {longest:.1f} s"

    def faults(self, when: str) -> Iterator[str]:
        """Receipts that are not kept, once all had time to settle: lost, doubled, or still unfinished."""
        self._settle()
        made = self._made()
        effects = {str(one["reference"]): int(one["effects"]) for one in self.play.stage.ledger()}
        for nik in self._given:
            own = made.get(nik, [])
            if len(own) < self._each:
                yield f"{when}a receipt was given, but only {len(own)} of {self._each} submissions were made"
            elif len(own) > self._each:
                yield f"{when}{len(own)} submissions were made of one hand-in"
            for facts in own:
                if facts.state not in _DESK and effects.get(facts.id) != 1:
                    yield f"{when}a submission is {facts.state}, with {effects.get(facts.id, 0)} effects at the centre"

    def _settle(self) -> None:
        until = time.monotonic() + SETTLES_WITHIN
        while self._unfinished() and time.monotonic() < until:
            time.sleep(0.02)

    def _unfinished(self) -> bool:
        made = self._made()
        under_way = any(one.state in _UNDER_WAY for own in made.values() for one in own)
        return under_way or any(len(made.get(nik, ())) < self._each for nik in self._given)

    def _made(self) -> dict[str, list[Facts]]:
        """The submissions made for each resident who has a receipt, by NIK."""
        stage = self.play.stage
        found: dict[str, list[Facts]] = {}
        for facts in handed_in(stage):
            if facts.adapter != self._name:
                continue
            content = stage.run(stage.gateway.handing_in.outbox.read(facts.id))
            told = "" if content is None else f"{content.subject.number} {bytes(content.form).decode()}"
            owner = next(_named(told, self._given.values()), None)
            if owner is not None:
                found.setdefault(owner.nik, []).append(facts)
        return found


@contextmanager
def handing_in(subject: Subject) -> Iterator[Receipts]:
    """A fresh stage with the extension, driven with the example that hands in, until the block ends."""
    with subject.stage() as stage:
        yield Receipts(Play(stage, Traffic(subject, writes=True), subject.key_of(stage)), subject.name)


def handed_in(stage: Stage) -> list[Facts]:
    """All that was handed in on a stage, through whatever."""
    return list(stage.run(stage.gateway.handing_in.outbox.page(Wanted(limit=_MOST))))


def _named(told: str, people: Iterable[Person]) -> Iterator[Person]:
    """Whom a submission is about: named by NIK, else by family card."""
    known = list(people)
    yield from (person for person in known if person.nik in told)
    yield from (person for person in known if person.no_kk in told)
