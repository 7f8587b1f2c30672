"""What stands in front of the centre: nothing, the peers that are installed, and the gateway."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.overload import proxies
from bench.overload.scenario import Scenario
from bench.overload.target import Target
from gateway.catalogue.regions import villages
from gateway.mock_siak import demo_accounts
from gateway.testing.processes import SEED, GatewayProcess, demo_rights

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "uji_beban"
REGENCY = "35.27"
STOP_WITHIN = 60.0
"""Seconds the gateway is given to stop on a machine that is busy with other things too."""
CONFIG = """
[plugins]
enabled = ["metrics"]
[log]
level = "warning"
format = "json"
"""


class Contender(msgspec.Struct, frozen=True):
    """One way of standing in front of the centre.

    Attributes:
        name: As `--only` takes it.
        title: As tables show it.
        available: Whether it can be started on this machine.
        start: Given a folder, the centre's URL and the scenario: a context with the running contender's target.
    """

    name: str
    title: str
    available: Callable[[], bool]
    start: Callable[[Path, str, Scenario], AbstractContextManager[Target]]


@contextmanager
def direct(_folder: Path, url: str, _scenario: Scenario) -> Iterator[Target]:
    """Nothing: everybody asks the centre."""
    yield wire_target(url)


@contextmanager
def nginx_default(folder: Path, url: str, _scenario: Scenario) -> Iterator[Target]:
    """The default nginx."""
    with proxies.nginx(folder, url) as peer:
        yield wire_target(peer)


@contextmanager
def nginx_tuned(folder: Path, url: str, scenario: Scenario) -> Iterator[Target]:
    """An nginx told the true capacity, with half as much again allowed."""
    with proxies.nginx(folder, url, places=scenario.workers * 3 // 2) as peer:
        yield wire_target(peer)


@contextmanager
def haproxy_tuned(folder: Path, url: str, scenario: Scenario) -> Iterator[Target]:
    """HAProxy told the true capacity."""
    with proxies.haproxy(folder, url, scenario.workers) as peer:
        yield wire_target(peer)


@contextmanager
def envoy_adaptive(folder: Path, url: str, _scenario: Scenario) -> Iterator[Target]:
    """Envoy, told nothing."""
    with proxies.envoy(folder, url) as peer:
        yield wire_target(peer)


@contextmanager
def gateway(folder: Path, url: str, scenario: Scenario) -> Iterator[Target]:
    """The gateway, told nothing: one key of the regency, the village named with each question."""
    process = GatewayProcess(folder, url, config=CONFIG, rights=demo_rights({USER: "sampang"})).start()
    try:
        key = process.add_client("overload")
        codes = tuple(village.code.replace(".", "") for village in villages(REGENCY))
        yield Target(
            url=f"{process.url}/v1/residents/lookup",
            headers={"Authorization": f"Bearer {key}", "X-Request-Deadline": f"{scenario.deadline:g}"},
            body={"purpose": "pelayanan"},
            villages=codes[: scenario.villages],
        )
    finally:
        process.signal(signal.SIGTERM)
        process.wait(STOP_WITHIN)


def wire_target(url: str) -> Target:
    """The centre's own wire, at the centre or at a proxy in front of it."""
    account = next(account for account in demo_accounts(SEED) if account.user_id == USER)
    body = {"user_id": account.user_id, "password": account.password, "ip_user": account.ips[0]}
    return Target(f"{url}/dukcapil/get_json/{account.path}/CALL_NIK", {}, body)


def _always() -> bool:
    return True


CONTENDERS = (
    Contender("direct", "nothing", _always, direct),
    Contender("nginx", "nginx, default", lambda: proxies.installed("nginx"), nginx_default),
    Contender("haproxy_tuned", "HAProxy, hand-tuned", lambda: proxies.installed("haproxy"), haproxy_tuned),
    Contender("nginx_tuned", "nginx, hand-tuned", lambda: proxies.installed("nginx"), nginx_tuned),
    Contender("envoy", "Envoy, adaptive concurrency", lambda: proxies.installed("envoy"), envoy_adaptive),
    Contender("gateway", "SIAK gateway", _always, gateway),
)
