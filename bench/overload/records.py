"""What a run leaves behind: every try of the load generator and every call the centre's workers spent time on."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from bench.overload.scenario import Scenario


class Ending(enum.StrEnum):
    """How a try ended."""

    GOOD = "good"
    REFUSED = "refused"
    """An answer came in time, but not the wanted one."""
    LATE = "late"
    """No answer within the deadline."""
    BROKEN = "broken"
    """The connection could not be had or ended early."""


class Try(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One try of one question; seconds count from the start of the run.

    Attributes:
        question: Place of the question in the run's list.
        number: 1 for the first try.
        began: When the citizen asked.
        ended: When it ended.
        ending: How.
        status: HTTP status, 0 without an answer.
    """

    question: int
    number: int
    began: float
    ended: float
    ending: Ending
    status: int


class Work(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One call the centre's workers spent time on; seconds count from the start of the run.

    Attributes:
        person: Number of the person it was about.
        began: When a worker took it up.
        ended: When it was done.
        heard: Whether the caller was still connected.
    """

    person: int
    began: float
    ended: float
    heard: bool


class Instrument(msgspec.Struct, frozen=True):
    """Whether the load generator kept up.

    Attributes:
        late_p99: Lateness of the arrivals it sent, seconds, 99th percentile.
        late_max: The worst one.
        cpu: Processor seconds it used per second.
        machine: Processes that wanted a processor at its end: the machine's load average over the last minute.
    """

    late_p99: float
    late_max: float
    cpu: float
    machine: float


class Run(msgspec.Struct, frozen=True):
    """Everything one contender's run left behind.

    Attributes:
        contender: Its name.
        scenario: What it met.
        tries: Every try, in the order they ended.
        work: Every call that cost the centre a worker's time, in the order they ended.
        stats: The centre's counters at the end.
        instrument: Of the load generator.
    """

    contender: str
    scenario: Scenario
    tries: list[Try]
    work: list[Work]
    stats: dict[str, Any]
    instrument: Instrument
