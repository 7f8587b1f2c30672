"""Figures for Prometheus are right, bounded, cheap, and say nothing of persons."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.contract import (
    CentreEvent,
    CentreService,
    CentreStatus,
    CircuitMove,
    CircuitState,
    ExchangeRecord,
    FollowStatus,
    Move,
    Priority,
    SubmissionMoved,
    Waiting,
)
from gateway.contract import SubmissionState as State
from gateway.contract.web import Request, Who
from gateway.registry import Registry
from gateway.settings import ConfigFaults, Source, checked, load
from plugins.metrics import Metrics, MetricsConfig
from plugins.metrics.series import MOST_ADAPTERS
from tests.measuring import quick_once, relative_cost

if TYPE_CHECKING:
    from gateway.contract.web import Response
    from tests.plugins.conftest import Desk

REQUEST = Request(None, None, {}, {}, {}, "q-1", 0.0)


def record(**changes: Any) -> ExchangeRecord:
    """An answered look-up with some facts changed."""
    facts: dict[str, Any] = {
        "verb": "ask",
        "service": CentreService.BIODATA,
        "caller": "caller-1",
        "right": "dinas",
        "adapter": "native",
        "village": "3527032005",
        "purpose": "pelayanan",
        "outcome": "answered",
        "source": "cache",
        "age_seconds": 90.0,
        "seconds": 0.002,
        "request_id": "request-1",
    }
    return ExchangeRecord(**(facts | changes))


def shown(metrics: Metrics) -> str:
    """What a scrape gives."""
    (route,) = metrics.gateway_routes()

    async def scrape() -> Response:
        return await route.handler(REQUEST)

    answer = asyncio.run(scrape())
    assert route.rule.who is Who.OPERATOR
    assert answer.content_type == route.content_type
    return answer.body.decode()


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of a scrape, parsed as Prometheus does."""
    families = text_string_to_metric_families(shown(metrics))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def labelled(**labels: str) -> frozenset[tuple[str, str]]:
    """Labels of a sample."""
    return frozenset(labels.items())


NATIVE = {"service": "biodata", "outcome": "answered", "source": "cache", "adapter": "native"}


def test_exchanges_are_counted_with_their_time_and_age(desk: Desk) -> None:
    """Count, buckets and sums are those of the records."""
    metrics = Metrics(MetricsConfig(), desk)
    for seconds in (0.001, 0.002, 99.0):
        metrics.gateway_exchange_finished(record(seconds=seconds))
    found = samples(metrics)
    assert found["siak_gateway_exchanges_total", labelled(**NATIVE)] == 3
    assert found["siak_gateway_exchange_seconds_bucket", labelled(**NATIVE, le="0.001")] == 1
    assert found["siak_gateway_exchange_seconds_bucket", labelled(**NATIVE, le="0.0025")] == 2
    assert found["siak_gateway_exchange_seconds_bucket", labelled(**NATIVE, le="+Inf")] == 3
    assert found["siak_gateway_exchange_seconds_sum", labelled(**NATIVE)] == pytest.approx(99.003)
    assert found["siak_gateway_answer_age_seconds_bucket", labelled(**NATIVE, le="600.0")] == 3


def test_a_refusal_has_no_age(desk: Desk) -> None:
    """Where there was no answer, its age is not counted as zero."""
    metrics = Metrics(MetricsConfig(), desk)
    metrics.gateway_exchange_finished(record(outcome="centre_timeout", source=None, age_seconds=0.0))
    names = {name for name, labels in samples(metrics) if ("source", "none") in labels}
    assert "siak_gateway_exchanges_total" in names
    assert not any(name.startswith("siak_gateway_answer_age") for name in names)


def test_no_label_holds_what_a_caller_sent(desk: Desk) -> None:
    """Neither caller, village, purpose, request id nor an unknown outcome reaches a scrape."""
    metrics = Metrics(MetricsConfig(), desk)
    metrics.gateway_exchange_finished(record(outcome="MARKED", purpose="MARKED", village="MARKED", caller="MARKED"))
    metrics.gateway_circuit_moved(
        CircuitMove(CentreService.BIODATA, CircuitState.CLOSED, CircuitState.OPEN, "MARKED", 1.0)
    )
    text = shown(metrics)
    assert "MARKED" not in text
    assert 'outcome="other"' in text
    assert 'reason="other"' in text


def test_the_number_of_series_is_bounded(desk: Desk) -> None:
    """Ten thousand made-up adapters give no more series than the limit, and none is lost from the count."""
    metrics = Metrics(MetricsConfig(), desk)
    for number in range(10_000):
        metrics.gateway_exchange_finished(record(adapter=f"adapter_{number}"))
    totals = {
        labels: value for (name, labels), value in samples(metrics).items() if name == "siak_gateway_exchanges_total"
    }
    assert len(totals) == MOST_ADAPTERS + 1
    assert sum(totals.values()) == 10_000
    assert totals[labelled(**(NATIVE | {"adapter": "other"}))] == 10_000 - MOST_ADAPTERS


def test_circuits_and_limits_are_asked_of_the_host(desk: Desk) -> None:
    """The state of the way to the centre is what it is at the moment of the scrape."""
    metrics = Metrics(MetricsConfig(process=False), desk)
    calm = CentreStatus(CentreService.VERIFY, CircuitState.OPEN, 1.0, "slow_rate", 5, 3, 16.0, None, 0.5)
    desk.statuses = (calm,)
    metrics.gateway_circuit_moved(
        CircuitMove(CentreService.VERIFY, CircuitState.CLOSED, CircuitState.OPEN, "slow_rate", 1.0)
    )
    found = samples(metrics)
    assert found["siak_gateway_circuit_state", labelled(service="verify", state="open")] == 1
    assert found["siak_gateway_circuit_state", labelled(service="verify", state="closed")] == 0
    moves = labelled(service="verify", state="open", reason="slow_rate")
    assert found["siak_gateway_circuit_moves_total", moves] == 1
    assert found["siak_gateway_centre_waiting", labelled(service="verify")] == 5
    assert found["siak_gateway_centre_limit", labelled(service="verify")] == 16
    assert ("siak_gateway_centre_latency_p90_seconds", labelled(service="verify")) not in found
    assert not any(name.startswith("process_") for name, _ in found)


def test_what_waits_is_asked_of_the_host(desk: Desk) -> None:
    """Moves are counted by new state and service, a hold is none; what waits is as of the scrape."""
    metrics = Metrics(MetricsConfig(process=False), desk)
    for before, after in ((None, State.QUEUED), (State.QUEUED, State.QUEUED), (State.QUEUED, State.SENDING)):
        move = Move(1, 0.0, before, after, "dispatcher", "MARKED")
        metrics.gateway_submission_moved(SubmissionMoved("MARKED", "MARKED", "native", "birth", "MARKED", move))
    desk.queue = (Waiting(Priority.URGENT, 3, desk.at - 60.0),)
    assert "MARKED" not in shown(metrics)
    found = samples(metrics)
    for state in ("queued", "sending"):
        assert found["siak_gateway_submission_moves_total", labelled(state=state, service="birth")] == 1
    for name, urgent in (("waiting", 3), ("oldest_seconds", 60)):
        assert found[f"siak_gateway_submissions_{name}", labelled(**{"class": "urgent"})] == urgent
        assert found[f"siak_gateway_submissions_{name}", labelled(**{"class": "online"})] == 0


def test_what_follows_delivery_is_asked_of_the_host(desk: Desk) -> None:
    """Events by kind; since when all were read, absent before the first time; what waits to be told, or is dead."""
    metrics = Metrics(MetricsConfig(process=False), desk)
    metrics.gateway_centre_event(CentreEvent(7, 0.0, "death", nik="MARKED", no_kk="MARKED"))
    assert ("siak_gateway_centre_events_read_seconds", labelled()) not in samples(metrics)
    desk.followed = FollowStatus(desk.at - 30.0, 4, 2)
    assert "MARKED" not in shown(metrics)
    found = samples(metrics)
    assert found["siak_gateway_centre_events_total", labelled(kind="death")] == 1
    assert found["siak_gateway_centre_events_read_seconds", labelled()] == 30
    assert found["siak_gateway_notifications", labelled(state="pending")] == 4
    assert found["siak_gateway_notifications", labelled(state="dead")] == 2


def test_the_process_is_shown_unless_switched_off(desk: Desk) -> None:
    """Memory and open files are there, so that leaks show."""
    names = {name for name, _ in samples(Metrics(MetricsConfig(), desk))}
    assert {"process_resident_memory_bytes", "process_open_fds"} <= names


def test_it_is_well(desk: Desk) -> None:
    """The health check makes the figures once."""
    (check,) = Metrics(MetricsConfig(), desk).gateway_health_checks()
    assert asyncio.run(check.check()).ok


@pytest.mark.parametrize("buckets", [[], [2.0, 1.0], [1.0, 1.0], ["a"]])
def test_buckets_must_ascend(buckets: list[object]) -> None:
    """Bounds that are no bounds are faults of the config."""
    assert checked(MetricsConfig, {"latency_buckets": buckets}, Source()).faults


def test_it_is_built_through_its_entry_point(desk: Desk) -> None:
    """The built-in plugin comes the same way as outside ones."""
    settings = load(None, {})
    tables = settings.plugins.model_copy(update={"enabled": ("metrics",)})
    registry = Registry.build(settings.model_copy(update={"plugins": tables}), lambda _name: desk)
    assert [each.placed().path for each in registry.routes] == ["/metrics"]
    registry.exchange_finished(record())
    assert registry.failures == ()
    with pytest.raises(ConfigFaults):
        Registry.build(
            settings.model_copy(update={"plugins": tables.model_copy(update={"enabled": ("x",)})}), lambda _: desk
        )


def test_counting_is_cheap(desk: Desk) -> None:
    """One exchange costs less than writing one small JSON document does (about a microsecond)."""
    metrics = Metrics(MetricsConfig(), desk)
    one = record()
    quick_once(lambda: relative_cost(lambda: metrics.gateway_exchange_finished(one)), 1.0)
