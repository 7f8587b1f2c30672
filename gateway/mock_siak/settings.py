"""What a mock centre is started with, and where it can then be reached."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.mock_siak.behaviour import Behaviour

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.mock_siak.accounts import Account

_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class MockSettings:
    """Settings of one mock centre; port 0 takes a free port.

    `accounts` is a file (TOML or JSON), ready accounts, or None for the demonstration accounts of `seed`. `state` is
    the folder that behaviour, used quota and what was handed in survive in; None keeps nothing. `behaviour` holds
    until another is put or a stored one is found. `clock` gives seconds since the epoch and decides the quota day,
    hours and schedule.
    """

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    population: int = 20_000
    seed: int = 1
    state: Path | None = None
    accounts: Path | tuple[Account, ...] | None = None
    time_zone: str = "Asia/Jakarta"
    behaviour: Behaviour = field(default_factory=Behaviour)
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        """Refuse what no socket could be bound to."""
        for port in (self.port, self.control_port):
            if not 0 <= port <= _LAST_PORT:
                raise ValueError(f"a port is a number from 0 to {_LAST_PORT}, not {port}")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs, without a trailing slash."""

    url: str
    control_url: str
