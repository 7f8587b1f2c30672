"""`docs/reference/metrics.md`: every family the metrics plugin shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract import (
    CentreEvent,
    CentreService,
    CentreStatus,
    CircuitState,
    ExchangeRecord,
    FollowStatus,
    Move,
    SubmissionMoved,
    SubmissionState,
)
from plugins.metrics import MetricsConfig
from plugins.metrics.collecting import (
    CentreCollector,
    ExchangeCollector,
    FollowCollector,
    LoopCollector,
    SubmissionCollector,
)
from plugins.metrics.series import Exchanges
from tests.docs.markdown import head, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client import Metric

_INTRO = """
Shown by the plugin `metrics` at `GET /metrics` on the operator listener, in Prometheus' text format. No label holds
personal data or a caller's text; the number of series is bounded. With `process = true` there are also the
`process_*` families of prometheus-client (memory, open files, CPU, start time). A reload starts the counters anew.
"""
_RECORD = ExchangeRecord(
    verb="ask",
    service=CentreService.BIODATA,
    caller="",
    right="",
    adapter="native",
    village="",
    purpose="",
    outcome="answered",
    source="centre",
    age_seconds=0.0,
    seconds=0.0,
    request_id="",
)
_MOVED = SubmissionMoved("", "", "native", "birth", "", Move(1, 0.0, None, SubmissionState.QUEUED, "", ""))
_STATUS = CentreStatus(
    service=CentreService.BIODATA,
    circuit=CircuitState.CLOSED,
    since=0.0,
    reason="",
    waiting=0,
    in_flight=0,
    limit=1.0,
    latency_p90=0.0,
    wait_seconds=0.0,
    limit_of_all=1.0,
)


def families() -> Iterator[Metric]:
    """Every family, each with a sample in it."""
    config = MetricsConfig()
    exchanges = Exchanges(config.latency_buckets, config.age_buckets)
    exchanges.count(_RECORD)
    yield from ExchangeCollector(exchanges, {("biodata", "open", "failure_rate"): 1}).collect()
    yield from CentreCollector(lambda: (_STATUS,)).collect()
    submissions = SubmissionCollector()
    submissions.count(_MOVED)
    yield from submissions.collect()
    followed = FollowCollector()
    followed.count(CentreEvent(1, 0.0, "death"))
    followed.note(FollowStatus(0.0, 0, 0), 0.0)
    yield from followed.collect()
    yield from LoopCollector(lambda: 0).collect()


def shown_name(family: Metric) -> str:
    """The name Prometheus sees: counters end in `_total`."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def page(_root: Path) -> str:
    """Text of the page."""
    rows = [
        (
            f"`{shown_name(family)}`",
            family.type,
            " ".join(f"`{label}`" for label in family.samples[0].labels if label != "le"),
            family.documentation,
        )
        for family in families()
    ]
    return head("Metrics", _INTRO) + "\n" + table(("metric", "type", "labels", "says"), rows)
