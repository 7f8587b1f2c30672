"""Prometheus metrics on the operator listener: what was asked, how it ended, how the centre is.

No personal data and no caller's text is in any label; the number of series is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from pydantic import AfterValidator, Field

from gateway.contract import Extension, ExtensionConfig, Health, hookimpl
from gateway.contract.web import OPERATOR, Response, Route
from plugins.metrics.collecting import (
    REASONS,
    CentreCollector,
    ExchangeCollector,
    FollowCollector,
    LoopCollector,
    SubmissionCollector,
)
from plugins.metrics.series import OTHER, Exchanges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract import CentreEvent, CircuitMove, ExchangeRecord, HealthCheck, Host, SubmissionMoved
    from gateway.contract.web import Request
    from plugins.metrics.collecting import Move

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def _ascending(bounds: tuple[float, ...]) -> tuple[float, ...]:
    if list(bounds) != sorted(set(bounds)):
        raise ValueError("expected numbers that ascend")
    return bounds


Buckets = Annotated[tuple[float, ...], Field(min_length=1, max_length=50), AfterValidator(_ascending)]


class MetricsConfig(ExtensionConfig):
    """Settings of `[plugins.metrics]`."""

    latency_buckets: Buckets = Field(
        default=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
        description="Batas atas lama tanya, detik. / Upper bounds of how long questions took, seconds.",
    )
    age_buckets: Buckets = Field(
        default=(1.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 259_200.0, 604_800.0, 2_592_000.0),
        description="Batas atas umur jawaban, detik. / Upper bounds of the age of answers, seconds.",
    )
    process: bool = Field(
        default=True,
        description="Sertakan memori, berkas terbuka, dan CPU proses. / Add the process's memory, open files and CPU.",
    )


class Metrics(Extension):
    """Counts exchanges and submissions and shows them, with the state of the centre, at `GET /metrics`."""

    name: ClassVar[str] = "metrics"
    api_version: ClassVar[int] = 1
    Config = MetricsConfig

    def __init__(self, config: MetricsConfig, host: Host) -> None:
        super().__init__(config, host)
        self._exchanges = Exchanges(config.latency_buckets, config.age_buckets)
        self._moves: dict[Move, int] = {}
        self._registry = CollectorRegistry()
        self._registry.register(ExchangeCollector(self._exchanges, self._moves))
        self._registry.register(CentreCollector(host.centre_status))
        self._submissions = SubmissionCollector()
        self._registry.register(self._submissions)
        self._follow = FollowCollector()
        self._registry.register(self._follow)
        self._registry.register(LoopCollector())
        if config.process:
            ProcessCollector(registry=self._registry)

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """`GET /metrics`, on the operator listener only."""
        return [
            Route(
                "GET",
                "/metrics",
                OPERATOR,
                self._show,
                summary="Figures for Prometheus.",
                summary_id="Angka untuk Prometheus.",
                content_type=CONTENT_TYPE,
            )
        ]

    @hookimpl
    def gateway_health_checks(self) -> Sequence[HealthCheck]:
        """Whether the figures can be shown."""
        return [self]

    @hookimpl
    def gateway_exchange_finished(self, record: ExchangeRecord) -> None:
        """Count an exchange."""
        self._exchanges.count(record)

    @hookimpl
    def gateway_circuit_moved(self, move: CircuitMove) -> None:
        """Count a move."""
        key = (str(move.service), str(move.after), move.reason if move.reason in REASONS else OTHER)
        self._moves[key] = self._moves.get(key, 0) + 1

    @hookimpl
    def gateway_submission_moved(self, moved: SubmissionMoved) -> None:
        """Count a move of a submission."""
        self._submissions.count(moved)

    @hookimpl
    def gateway_centre_event(self, event: CentreEvent) -> None:
        """Count an event of the centre."""
        self._follow.count(event)

    async def check(self) -> Health:
        """Make all figures once."""
        size = len(generate_latest(self._registry))
        return Health(ok=size > 0, detail=f"{size} bytes of figures")

    async def _show(self, _request: Request) -> Response:
        now = self.host.clock.now()
        self._submissions.note(await self.host.waiting(), now, self.host.copies())
        self._follow.note(await self.host.follow_status(), now)
        return Response(generate_latest(self._registry), content_type=CONTENT_TYPE)
