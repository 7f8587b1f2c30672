"""A month of hand-ins from a whole regency, and how fairly they reached the centre.

One village is a hog; the others are uneven, from a handful to a few hundred. Each village's hand-ins are spread evenly
over the month, so that all villages would wait alike if only the filing date decided.
"""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

import msgspec

from gateway.catalogue import regions
from gateway.catalogue.receipts import new_id, new_number
from gateway.contract.messages import Priority
from gateway.contract.submissions import Subject, Submission
from gateway.outbox.outbox import NewSubmission
from tests.acceptance.desks import person

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.outbox.outbox import Facts

DAYS = 30
HOG_HAS = 0.3
"""Share of all hand-ins that are the hog's."""

URGENT_ARE = 0.3
"""Share of hand-ins that are births."""

REGENCY = "3527"


@dataclass(frozen=True, slots=True)
class HandIn:
    """One of the month's.

    Attributes:
        number: Its number, which makes its resident.
        day: When it is filed, in days since the centre went away.
        village: Where.
        urgent: Whether it is a birth; else an identity card.
    """

    number: int
    day: float
    village: str
    urgent: bool


def villages() -> list[str]:
    """Codes of all villages of the regency; the first is the hog."""
    return [village.digits for village in regions.villages(REGENCY)]


def month_of(total: int, seed: int) -> list[HandIn]:
    """So many hand-ins by day."""
    rng = random.Random(seed)
    hog, *others = villages()
    weights = [rng.lognormvariate(0.0, 0.8) for _ in others]
    left = total - round(total * HOG_HAS) - len(others)
    shares = {village: 1 + round(left * weight / sum(weights)) for village, weight in zip(others, weights, strict=True)}
    shares[hog] = total - sum(shares.values())
    drawn = [one for village, count in shares.items() for one in _of_village(village, count, rng)]
    return [HandIn(number, *one) for number, one in enumerate(sorted(drawn))]


def _of_village(village: str, count: int, rng: random.Random) -> Iterator[tuple[float, str, bool]]:
    """Days of one village, evenly spread in each class, so that the mean day of all villages is the same."""
    births = round(count * URGENT_ARE)
    for urgent, number in ((True, births), (False, count - births)):
        for place in range(number):
            day = DAYS * (place + 0.5) / number + rng.uniform(-0.5, 0.5)
            yield min(max(day, 0.0), DAYS - 0.001), village, urgent


def birth(one: HandIn, now: float) -> NewSubmission:
    """A birth as the outbox takes it; no service of its class can be handed in without papers."""
    parent = person(one.number)
    child = {"name": "BAYI", "sex": "P", "birth_date": "2026-01-01", "birth_place": "SAMPANG"}
    form = {"no_kk": parent, "child": child}
    submission = Submission("birth", 1, one.village, Subject(no_kk=parent), msgspec.Raw(msgspec.json.encode(form)))
    return NewSubmission(
        id=new_id(now, secrets.randbits),
        number=new_number(secrets.randbits),
        caller="hospital01",
        right="sampang",
        adapter="native",
        priority=Priority.URGENT,
        key=f"birth-{one.number}",
        filed_at=now,
        submission=submission,
    )


@dataclass(frozen=True, slots=True)
class Order:
    """In which order a class reached the centre.

    Attributes:
        worst_wait: Longest mean wait of a village, in turns, over the median village's; the hog left out.
        overtaken: Turns by which 99 of 100 stood back behind the filing order at most; the hog left out.
    """

    worst_wait: float
    overtaken: int


def order_of(filed: Iterable[Facts], delivered: Sequence[str], hog: str) -> Order:
    """Hold the order of delivery against that of filing, within one class.

    Args:
        filed: The class's submissions.
        delivered: Ids in the order in which the centre took them in.
        hog: The village that is left out of the figures, though not out of the turns.
    """
    by_filing = sorted(filed, key=lambda facts: (facts.filed_at, facts.id))
    known = {facts.id for facts in by_filing}
    turns = {id_: turn for turn, id_ in enumerate(id_ for id_ in delivered if id_ in known)}
    waits: dict[str, list[int]] = {}
    late = []
    others = [facts for facts in by_filing if facts.village != hog]
    places = {id_: place for place, id_ in enumerate(sorted((one.id for one in others), key=turns.__getitem__))}
    for rank, facts in enumerate(others):
        waits.setdefault(facts.village, []).append(turns[facts.id] + 1)
        late.append(max(0, places[facts.id] - rank))
    means = [mean(turns_of) for turns_of in waits.values()]
    return Order(max(means) / median(means), sorted(late)[len(late) * 99 // 100])
