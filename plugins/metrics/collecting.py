"""Turns the figures into Prometheus families when they are scraped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from gateway.contract import CircuitState, FollowStatus, Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import Metric

    from gateway.contract import CentreEvent, CentreStatus, SubmissionMoved, Waiting
    from plugins.metrics.series import Exchanges

Move = tuple[str, str, str]
"""Service, state after, reason."""

REASONS = frozenset({"failure_rate", "slow_rate", "probe_failed", "probe_succeeded", "open_time_over", "manual"})
"""Reasons of the contract; any other counts as `other`."""


class ExchangeCollector(Collector):
    """Families of exchanges and moves of circuits."""

    def __init__(self, exchanges: Exchanges, moves: dict[Move, int]) -> None:
        self._exchanges = exchanges
        self._moves = moves

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        names = ("service", "outcome", "source", "adapter")
        total = CounterMetricFamily("siak_gateway_exchanges", "Questions that ended, by outcome.", labels=names)
        seconds = HistogramMetricFamily("siak_gateway_exchange_seconds", "How long questions took.", labels=names)
        age = HistogramMetricFamily("siak_gateway_answer_age_seconds", "How old answers were.", labels=names)
        for labels, series in self._exchanges.all():
            total.add_metric(labels, series.exchanges)
            seconds.add_metric(labels, series.seconds.cumulated(), series.seconds.total)
            if labels[2] != "none":
                age.add_metric(labels, series.age.cumulated(), series.age.total)
        yield from (total, seconds, age, self._moved())

    def _moved(self) -> Metric:
        names = ("service", "state", "reason")
        moved = CounterMetricFamily("siak_gateway_circuit_moves", "Changes of a circuit, by new state.", labels=names)
        for move, count in list(self._moves.items()):
            moved.add_metric(move, count)
        return moved


_GAUGES = (
    ("waiting", "siak_gateway_centre_waiting", "Calls that wait for a place at the centre."),
    ("in_flight", "siak_gateway_centre_in_flight", "Calls at the centre."),
    ("limit", "siak_gateway_centre_limit", "Limit of calls at the centre; this instance's share where several run."),
    ("limit_of_all", "siak_gateway_centre_limit_of_all", "Limit of all instances together, as last known."),
    ("instances", "siak_gateway_centre_instances", "Instances that share the limit, this one included."),
    ("latency_p90", "siak_gateway_centre_latency_p90_seconds", "90th percentile of the last window."),
    ("wait_seconds", "siak_gateway_centre_wait_seconds", "Estimated wait of a new call."),
)


class CentreCollector(Collector):
    """Families of the way to the centre, asked of the host at each scrape."""

    def __init__(self, status: Callable[[], tuple[CentreStatus, ...]]) -> None:
        self._status = status

    def describe(self) -> Iterator[Metric]:
        """Names of the families, told without asking the host."""
        yield GaugeMetricFamily("siak_gateway_circuit_state", "1 for the state a circuit is in, else 0.")
        for _, name, text in _GAUGES:
            yield GaugeMetricFamily(name, text)

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        statuses = self._status()
        state = GaugeMetricFamily(
            "siak_gateway_circuit_state", "1 for the state a circuit is in, else 0.", labels=("service", "state")
        )
        for status in statuses:
            for each in CircuitState:
                state.add_metric((str(status.service), str(each)), float(status.circuit is each))
        yield state
        for field, name, text in _GAUGES:
            gauge = GaugeMetricFamily(name, text, labels=("service",))
            for status in statuses:
                value: float | None = getattr(status, field)
                if value is not None:
                    gauge.add_metric((str(status.service),), value)
            yield gauge


class SubmissionCollector(Collector):
    """Families of what is handed in; what waits is as of the last `note`."""

    def __init__(self) -> None:
        self._moves: dict[tuple[str, str], int] = {}
        self._waiting: tuple[Waiting, ...] = ()
        self._at = 0.0
        self._copies = 1

    def count(self, moved: SubmissionMoved) -> None:
        """Count a move into another state; services are the catalogue's, so the series are bounded."""
        if moved.move.before is not moved.move.after:
            key = (str(moved.move.after), moved.service)
            self._moves[key] = self._moves.get(key, 0) + 1

    def note(self, waiting: tuple[Waiting, ...], now: float, copies: int) -> None:
        """What waits, at which time (Unix seconds), and how many copies hold it."""
        self._waiting, self._at, self._copies = waiting, now, copies

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        moves = CounterMetricFamily(
            "siak_gateway_submission_moves", "Moves of submissions, by new state.", labels=("state", "service")
        )
        for labels, count in list(self._moves.items()):
            moves.add_metric(labels, count)
        waiting = GaugeMetricFamily(
            "siak_gateway_submissions_waiting", "Submissions that are not with the centre yet.", labels=("class",)
        )
        oldest = GaugeMetricFamily(
            "siak_gateway_submissions_oldest_seconds", "Age of the first of them by filing date.", labels=("class",)
        )
        counted = {one.priority: one for one in self._waiting}
        for priority in Priority:
            one = counted.get(priority)
            label = (priority.name.lower(),)
            waiting.add_metric(label, one.count if one is not None else 0)
            oldest.add_metric(label, max(0.0, self._at - one.oldest) if one is not None else 0.0)
        copies = GaugeMetricFamily(
            "siak_gateway_copies",
            "Copies that hold what is handed in: 2 while a second one on another device is in step, else 1.",
            value=self._copies,
        )
        yield from (moves, waiting, oldest, copies)


class FollowCollector(Collector):
    """Families of what follows delivery; all but the events are as of the last `note`."""

    def __init__(self) -> None:
        self._events: dict[str, int] = {}
        self._status = FollowStatus(None, 0, 0)
        self._at = 0.0

    def count(self, event: CentreEvent) -> None:
        """Count an event; kinds are the contract's, so the series are bounded."""
        self._events[event.kind] = self._events.get(event.kind, 0) + 1

    def note(self, status: FollowStatus, now: float) -> None:
        """How the news travel on, at which time (Unix seconds)."""
        self._status, self._at = status, now

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        events = CounterMetricFamily(
            "siak_gateway_centre_events", "Events of the centre read by this instance, by kind.", labels=("kind",)
        )
        for kind, count in list(self._events.items()):
            events.add_metric((kind,), count)
        age = GaugeMetricFamily(
            "siak_gateway_centre_events_read_seconds", "Since when all events had last been read; none if never."
        )
        if self._status.read_at is not None:
            age.add_metric((), max(0.0, self._at - self._status.read_at))
        waiting = GaugeMetricFamily(
            "siak_gateway_notifications",
            "Notifications not delivered: pending, or dead after a day.",
            labels=("state",),
        )
        waiting.add_metric(("pending",), self._status.pending)
        waiting.add_metric(("dead",), self._status.dead)
        yield from (events, age, waiting)


class LoopCollector(Collector):
    """What the event loop has in hand; asked in its own thread, at each scrape."""

    def __init__(self, count: Callable[[], int] = lambda: len(asyncio.all_tasks())) -> None:
        self._count = count

    def describe(self) -> Iterator[Metric]:
        """Name of the family."""
        yield GaugeMetricFamily("siak_gateway_tasks", "Tasks of the event loop that have not ended.")

    def collect(self) -> Iterator[Metric]:
        """The family as it is now."""
        for family in self.describe():
            family.add_sample("siak_gateway_tasks", {}, float(self._count()))
            yield family
