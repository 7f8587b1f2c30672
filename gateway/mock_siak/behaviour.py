"""How the centre behaves: mode, capacity, faults, and a schedule that changes them over time.

A document replaces the whole behaviour: what it does not name goes back to its default. Schedule entries are partial:
`{"at": seconds since the PUT, ...what changes then}`, and a later entry keeps what earlier ones set.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from gateway.mock_siak.cases import REJECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping


class Mode(enum.Enum):
    """What a caller meets: answers · connection refused · connect times out · silence · an HTML 503."""

    UP = "up"
    REFUSE = "refuse"
    DOWN = "down"
    HANG = "hang"
    MAINTENANCE = "maintenance"


class FaultKind(enum.Enum):
    """What can go wrong with a single call."""

    LATENCY = "latency"
    ERROR_500 = "error_500"
    HTML_502 = "html_502"
    TRUNCATED_JSON = "truncated_json"
    ALTERED_PAPER = "altered_paper"
    LONGER_PAPER = "longer_paper"
    RESET_BEFORE_READ = "reset_before_read"
    RESET_AFTER_READ = "reset_after_read"
    TIMEOUT_AFTER_COMMIT = "timeout_after_commit"
    DUPLICATE_ACK = "duplicate_ack"
    DRIP = "drip"
    QUOTA_EXHAUSTED = "quota_exhausted"
    TLS_BAD = "tls_bad"


class Fault(msgspec.Struct, frozen=True):
    """A fault that strikes a share `rate` (0 to 1) of the calls.

    `methods` are METHOD names or kinds (`biodata`, `kk`, `verify`, `write`, `follow`), any case; empty means all.
    `seconds` is the added delay of `latency` and the pause between the bytes of `drip`. `altered_paper` and
    `longer_paper` harm PDFs only.
    """

    kind: FaultKind
    rate: float = 1.0
    methods: tuple[str, ...] = ()
    seconds: float = 1.0

    def concerns(self, names: tuple[str, ...]) -> bool:
        """Whether a call known by `names` (its METHOD and kind, lower case) can be struck."""
        return not self.methods or any(method.lower() in names for method in self.methods)


class Rejection(msgspec.Struct, frozen=True):
    """A share `rate` (0 to 1) of what is handed in is rejected with `code`; `services` empty means every service."""

    code: str
    rate: float = 1.0
    services: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """One schedule entry: at `at` seconds the named values of a behaviour change."""

    at: float
    values: dict[str, Any]


class Behaviour(msgspec.Struct, frozen=True):
    """The whole behaviour; `mean_seconds` 0 means no queue at all.

    `workers` serve at once, each call taking a lognormal time (`mean_seconds`, `sigma`), lengthened by the share
    `thrashing` for every call that waits. `office_seconds` is the mean time after which the office decides what was
    handed in. With `unique_references` off the centre takes everything in anew each time it comes: what a sender then
    doubles shows in the ledger. `blangko` is the number of blank cards allocated to each regency.
    """

    mode: Mode = Mode.UP
    workers: int = 8
    mean_seconds: float = 0.0
    sigma: float = 0.5
    thrashing: float = 0.01
    faults: tuple[Fault, ...] = ()
    office_seconds: float = 0.0
    rejections: tuple[Rejection, ...] = ()
    unique_references: bool = True
    blangko: int = 8_000
    schedule: tuple[Change, ...] = ()

    def at(self, seconds: float) -> Behaviour:
        """What is in force `seconds` after it was put, the schedule kept as it is."""
        values: dict[str, Any] = {}
        for change in self.schedule:
            if change.at <= seconds:
                values.update(change.values)
        return replace(self, **values)

    def document(self) -> dict[str, Any]:
        """As JSON-ready data that can be put again."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        plain["schedule"] = [{"at": entry["at"], **entry["values"]} for entry in plain["schedule"]]
        return plain


class BehaviourError(ValueError):
    """A behaviour document is wrong; `errors` names every fault as `{"field", "expected"}`."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{error['field']}: {error['expected']}" for error in errors))
        self.errors = errors


def parse_behaviour(document: object) -> Behaviour:
    """Read a behaviour strictly.

    Raises:
        BehaviourError: With every unknown key, wrong type and value out of range at once.
    """
    reading = _Reading()
    values = reading.members(document, "", {**_CHANGEABLE, "schedule": _Reading.schedule})
    if reading.errors:
        raise BehaviourError(reading.errors)
    return Behaviour(**values)


_BAD = object()


class _Reading:
    """Walks a document and collects what is wrong with it."""

    def __init__(self) -> None:
        self.errors: list[dict[str, str]] = []

    def members(self, document: object, place: str, readers: Mapping[str, _Read]) -> dict[str, Any]:
        """The values of an object's members, each read by the reader of its name."""
        if not isinstance(document, dict):
            self.wrong(place or "body", "an object")
            return {}
        values = {}
        for name, value in document.items():
            where = f"{place}.{name}" if place else str(name)
            reader = readers.get(name)
            if reader is None:
                self.wrong(where, f"no such key; known are {', '.join(readers)}")
                continue
            values[name] = reader(self, value, where)
        return values

    def wrong(self, where: str, expected: str) -> object:
        """Note a fault."""
        self.errors.append({"field": where, "expected": expected})
        return _BAD

    def items(self, value: object, where: str, reader: _Read) -> tuple[Any, ...]:
        """The items of a list, each read by `reader`."""
        if not isinstance(value, list):
            self.wrong(where, "a list")
            return ()
        return tuple(reader(self, item, f"{where}[{position}]") for position, item in enumerate(value))

    def faults(self, value: object, where: str) -> tuple[Any, ...]:
        """The list of faults."""
        return self.items(value, where, _Reading.fault)

    def fault(self, value: object, where: str) -> object:
        """One fault."""
        values = self.members(value, where, _FAULT)
        if isinstance(value, dict) and "kind" not in value:
            return self.wrong(f"{where}.kind", "is required")
        return Fault(**values) if "kind" in values else _BAD

    def rejections(self, value: object, where: str) -> tuple[Any, ...]:
        """The list of rejections."""
        return self.items(value, where, _Reading.rejection)

    def rejection(self, value: object, where: str) -> object:
        """One rejection."""
        values = self.members(value, where, _REJECTION)
        if isinstance(value, dict) and "code" not in value:
            return self.wrong(f"{where}.code", "is required")
        return Rejection(**values) if "code" in values else _BAD

    def schedule(self, value: object, where: str) -> tuple[Any, ...]:
        """The schedule, put in order of time."""
        changes = [change for change in self.items(value, where, _Reading.change) if isinstance(change, Change)]
        return tuple(sorted(changes, key=lambda change: change.at)) if not self.errors else ()

    def change(self, value: object, where: str) -> object:
        """One schedule entry."""
        values = self.members(value, where, {"at": _number(0, 31_536_000), **_CHANGEABLE})
        if isinstance(value, dict) and "at" not in value:
            return self.wrong(f"{where}.at", "is required")
        return Change(values.pop("at"), values) if "at" in values else _BAD


_Read = Callable[[_Reading, object, str], Any]


def _number(low: float, high: float) -> _Read:
    def read(reading: _Reading, value: object, where: str) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        return reading.wrong(where, f"a number from {low} to {high}")

    return read


def _whole(low: int, high: int) -> _Read:
    def read(reading: _Reading, value: object, where: str) -> object:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        return reading.wrong(where, f"a whole number from {low} to {high}")

    return read


def _one_of(choices: type[enum.Enum]) -> _Read:
    known: dict[object, enum.Enum] = {choice.value: choice for choice in choices}

    def read(reading: _Reading, value: object, where: str) -> object:
        if isinstance(value, str) and value in known:
            return known[value]
        return reading.wrong(where, f"one of {', '.join(map(str, known))}")

    return read


def _code(reading: _Reading, value: object, where: str) -> object:
    return (
        value
        if isinstance(value, str) and value in REJECTIONS
        else reading.wrong(where, f"one of {', '.join(REJECTIONS)}")
    )


def _flag(reading: _Reading, value: object, where: str) -> object:
    return value if isinstance(value, bool) else reading.wrong(where, "true or false")


def _text(reading: _Reading, value: object, where: str) -> object:
    return value if isinstance(value, str) and value else reading.wrong(where, "a method or kind")


def _texts(reading: _Reading, value: object, where: str) -> tuple[Any, ...]:
    return reading.items(value, where, _text)


_PLAIN: Mapping[str, _Read] = {
    "mode": _one_of(Mode),
    "workers": _whole(1, 10_000),
    "mean_seconds": _number(0, 3_600),
    "sigma": _number(0, 3),
    "thrashing": _number(0, 10),
}
_REJECTION: Mapping[str, _Read] = {"code": _code, "rate": _number(0, 1), "services": _texts}
_CHANGEABLE: Mapping[str, _Read] = {
    **_PLAIN,
    "faults": _Reading.faults,
    "office_seconds": _number(0, 31_536_000),
    "rejections": _Reading.rejections,
    "unique_references": _flag,
    "blangko": _whole(0, 10_000_000),
}
_FAULT: Mapping[str, _Read] = {
    "kind": _one_of(FaultKind),
    "rate": _number(0, 1),
    "methods": _texts,
    "seconds": _number(0, 3_600),
}
