"""What the ledger costs: records a second, and cached look-ups with it on beside the same with it off.

    python -m bench.ledger [--seconds 3] [--rounds 3] [--write]

Look-ups are asked over HTTP of two gateways in turn, A B A B …; what counts is the median ratio of the processor time
of the gateway process for each answer, which a busy machine does not change; the ratio of the rates stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import secrets
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import uvloop

from bench.load import generator, load
from bench.machine import describe
from gateway.contract.messages import CentreService, Question
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.ledger import TABLES
from gateway.ledger.ledger import Ledger
from gateway.mock_siak import start_process
from gateway.mock_siak.population import Population
from gateway.testing.postgres import PostgresMissing, PostgresServer
from gateway.testing.processes import GatewayProcess, demo_rights
from gateway.vault.keys import Keyring
from gateway.wiring.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.mock_siak import MockProcess

CONNECTIONS = (32, 256)
PEOPLE = 1_000
GOAL = 0.8
RESULTS = Path(__file__).with_name("results")
TICKS = os.sysconf("SC_CLK_TCK")
CONFIG = '[log]\nlevel = "info"\nformat = "json"\n[ledger]\nenabled = {enabled}\n'


def keyring() -> Keyring:
    """Secrets of this run."""
    return Keyring(masters={1: secrets.token_bytes(32)}, index=b"i" * 32, pepper=b"p" * 32, ledger=b"l" * 32)


async def appends(url: str, *, waiting: int, seconds: float) -> tuple[float, float, float]:
    """Exchanges a second, 99th percentile of `began` in milliseconds, processor microseconds for each exchange."""
    migrate(url, (TABLES,))
    ledger = await Ledger.open(Database.open(url), keyring(), SystemClock(), secrets.randbits)
    question, times = Question(CentreService.BIODATA, "3527012904900001"), []
    until, before = time.perf_counter() + seconds, time.process_time()

    async def write_on() -> None:
        while (start := time.perf_counter()) < until:
            beginning = ledger.begin(
                question,
                caller="bench",
                right="sampang",
                adapter="native",
                village="3527032001",
                purpose="pelayanan",
                request_id="bench",
            )
            await ledger.exchanged(beginning, "answered", None)
            times.append(time.perf_counter() - start)

    await asyncio.gather(*(write_on() for _ in range(waiting)))
    cost = (time.process_time() - before) / len(times) * 1e6
    await ledger.close()
    return len(times) / seconds, statistics.quantiles(times, n=100)[98] * 1000, cost


def urls(folder: Path) -> Iterator[tuple[str, str]]:
    """SQLite, and PostgreSQL where it is installed."""
    yield "SQLite FULL", f"sqlite:///{folder}/bench.db"
    try:
        server = PostgresServer()
    except PostgresMissing:
        return
    with server:
        yield "PostgreSQL (fsync off)", server.new_database()


def processor_seconds(pid: int) -> float:
    """Processor time of a process and all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def ask(
    gateway: GatewayProcess, key: str, bodies: Sequence[str], seconds: float, connections: int
) -> tuple[float, float]:
    """Answers a second, and processor microseconds for each."""
    before = processor_seconds(gateway.pid)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    measured = load(f"{gateway.url}/v1/residents/lookup", bodies, headers, connections=connections, seconds=seconds)
    if measured.errors:
        raise RuntimeError(f"{measured.errors} answers were not good")
    return measured.rate, (processor_seconds(gateway.pid) - before) / (measured.rate * seconds) * 1e6


def warm_up(gateway: GatewayProcess, key: str, bodies: Sequence[str], mock: MockProcess) -> None:
    """Ask until the centre is not asked any more."""
    before = -1
    while (now := arrived(mock)) > before:
        before = now
        ask(gateway, key, bodies, 2.0, CONNECTIONS[0])


def arrived(mock: MockProcess) -> int:
    """Calls that reached the centre so far."""
    with urlopen(f"{mock.control_url}/_mock/stats") as answer:
        return int(json.load(answer)["arrived"])


def look_ups(folder: Path, seconds: float, rounds: int) -> list[str]:
    """Rows of the table: on and off in turn."""
    bodies = [
        json.dumps({"nik": nik, "purpose": "pelayanan"})
        for nik in itertools.islice(Population(20_000, 1).active(), PEOPLE)
    ]
    rights = demo_rights({"uji_beban": "sampang"})
    with start_process(population=20_000) as mock:
        on = GatewayProcess(folder / "on", mock.url, config=CONFIG.format(enabled="true"), rights=rights)
        off = GatewayProcess(folder / "off", mock.url, config=CONFIG.format(enabled="false"), rights=rights)
        keys = {one: one.add_client("bench") for one in (on, off)}
        with on, off:
            for one in (on, off):
                warm_up(one, keys[one], bodies, mock)
            return [
                line
                for count in CONNECTIONS
                for line in table(
                    count, [[ask(one, keys[one], bodies, seconds, count) for one in (on, off)] for _ in range(rounds)]
                )
            ]


def table(connections: int, found: Sequence[Sequence[tuple[float, float]]]) -> list[str]:
    """Two rows: what the rounds, each on and off, have in the middle."""
    rates = statistics.median(with_[0] / without[0] for with_, without in found)
    costs = statistics.median(without[1] / with_[1] for with_, without in found)
    on_rate, on_cost = (statistics.median(pair[0][place] for pair in found) for place in (0, 1))
    off_rate, off_cost = (statistics.median(pair[1][place] for pair in found) for place in (0, 1))
    met = "yes" if costs >= GOAL else "NO"
    return [
        f"| {connections} connections, CPU µs each | {on_cost:.0f} | {off_cost:.0f} | {costs:.2f} | {GOAL} | {met} |",
        f"| {connections} connections, answers/s | {on_rate:,.0f} | {off_rate:,.0f} | {rates:.2f} | | |",
    ]


def main() -> None:
    """Measure and tell."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--write", action="store_true", help="also write bench/results/ledger.md")
    chosen = options.parse_args()
    lines = ["# What the ledger costs", "", describe(), "", f"Load: {generator()}.", ""]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines += ["| cached look-ups | on | off | ratio | goal | met |", "| --- | ---: | ---: | ---: | --- | --- |"]
        lines += look_ups(folder, chosen.seconds, chosen.rounds)
        lines += ["", "| exchanges (began and ended) | waiting | exchanges/s | p99 of began, ms | µs each |"]
        lines += ["| --- | ---: | ---: | ---: | ---: |"]
        for database, url in urls(folder):
            for waiting in (1, 32, 256):
                rate, slowest, cost = uvloop.run(appends(url, waiting=waiting, seconds=chosen.seconds))
                lines.append(f"| {database} | {waiting} | {rate:,.0f} | {slowest:.1f} | {cost:.0f} |")
    text = "\n".join([*lines, ""])
    print(text)
    if chosen.write:
        (RESULTS / "ledger.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
