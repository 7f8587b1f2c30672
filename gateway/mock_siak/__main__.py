"""`python -m gateway.mock_siak`: run a mock centre until SIGTERM or Ctrl-C; one JSON line with its URLs when ready."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvloop

from gateway.mock_siak.mock import serve
from gateway.mock_siak.settings import MockSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.mock_siak.settings import Addresses


def parse(arguments: Sequence[str]) -> MockSettings:
    """Settings from command-line arguments; exits with 2 on bad usage."""
    defaults = MockSettings()
    parser = argparse.ArgumentParser(prog="python -m gateway.mock_siak", description="A mock of the national centre.")
    parser.add_argument("--host", default=defaults.host)
    parser.add_argument("--port", type=int, default=defaults.port, help="0 takes a free port")
    parser.add_argument("--control-port", type=int, default=defaults.control_port, help="0 takes a free port")
    parser.add_argument("--population", type=int, default=defaults.population, help="residents")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument(
        "--state", type=Path, help="folder in which behaviour, used quota and what was handed in survive"
    )
    parser.add_argument("--accounts", type=Path, help="TOML or JSON; without it the demonstration accounts")
    parser.add_argument("--time-zone", default=defaults.time_zone)
    return MockSettings(**vars(parser.parse_args(arguments)))


def announce(addresses: Addresses) -> None:
    """Print the URLs as one line of JSON."""
    sys.stdout.write(json.dumps(asdict(addresses)) + "\n")
    sys.stdout.flush()


def log_to_stderr() -> None:
    """JSON lines on stderr, for stdout carries only the URLs."""
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


async def run(settings: MockSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, ready=announce, stop=stop)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mock; 0 after a clean stop, 2 when it cannot start."""
    log_to_stderr()
    try:
        settings = parse(sys.argv[1:] if arguments is None else arguments)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"mock_siak: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
