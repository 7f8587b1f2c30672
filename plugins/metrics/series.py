"""Figures kept as plain numbers, so that counting costs next to nothing; Prometheus families are made per scrape.

Labels come from closed sets only: services, outcomes of the contract, sources, names of extensions. What is outside
them counts as `other`, so no caller can make the number of series grow.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from gateway.contract.errors import every_error
from gateway.contract.events import ABANDONED, ANSWERED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract import ExchangeRecord

OTHER = "other"
MOST_ADAPTERS = 64
"""Names of extensions that get series of their own."""

OUTCOMES = frozenset({ANSWERED, ABANDONED}) | {error.code for error in every_error()}


class Histogram:
    """How often a value fell between two bounds.

    Attributes:
        bounds: Upper bounds, ascending; the last bucket is open.
        counts: Per bucket, not cumulated.
        total: Sum of all values.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulated(self) -> list[tuple[str, float]]:
        """Prometheus buckets: upper bound as text, and how many values were not above it."""
        buckets: list[tuple[str, float]] = []
        reached = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            reached += count
            buckets.append((bound, reached))
        return buckets


class Series:
    """Figures of one combination of labels.

    Attributes:
        exchanges: How many.
        seconds: How long they took.
        age: How old their answers were; stays empty where there was none.
    """

    __slots__ = ("age", "exchanges", "seconds")

    def __init__(self, latency: Sequence[float], age: Sequence[float]) -> None:
        self.exchanges = 0
        self.seconds = Histogram(latency)
        self.age = Histogram(age)


Labels = tuple[str, str, str, str]
"""Service, outcome, source (`none` without an answer), adapter."""


class Exchanges:
    """All series of exchanges, made when first needed."""

    def __init__(self, latency: Sequence[float], age: Sequence[float]) -> None:
        self._latency = latency
        self._age = age
        self._found: dict[tuple[str, str, str | None, str], Series] = {}
        self._series: dict[Labels, Series] = {}
        self._adapters: set[str] = set()

    def count(self, record: ExchangeRecord) -> None:
        """Count one exchange."""
        key = (record.service, record.outcome, record.source, record.adapter)
        series = self._found.get(key) or self._placed(key)
        series.exchanges += 1
        series.seconds.add(record.seconds)
        if record.source is not None:
            series.age.add(record.age_seconds)

    def all(self) -> list[tuple[Labels, Series]]:
        """Every series with its labels."""
        return list(self._series.items())

    def _placed(self, key: tuple[str, str, str | None, str]) -> Series:
        service, outcome, source, adapter = key
        known = adapter in self._adapters or len(self._adapters) < MOST_ADAPTERS
        labels: Labels = (
            str(service),
            outcome if outcome in OUTCOMES else OTHER,
            source or "none",
            adapter if known else OTHER,
        )
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = Series(self._latency, self._age)
        if known and labels[1] != OTHER:
            self._adapters.add(adapter)
            self._found[key] = series
        return series
