"""What the gateway weighs: memory of remembered answers, time to be ready, time of `--help`.

python -m bench.footprint [--write]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.load import load
from bench.machine import describe
from bench.reads import body_of
from gateway.mock_siak import start_process
from gateway.mock_siak.population import Population
from gateway.testing.processes import GatewayProcess, demo_rights

CONFIG = '[plugins]\nenabled = ["metrics"]\n[log]\nlevel = "info"\nformat = "json"\n'
ANSWERS = 20_000
RESULTS = Path(__file__).with_name("results")


def resident_memory(pid: int) -> float:
    """Resident memory of a process, MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def ready_times(gateway: GatewayProcess, rounds: int = 5) -> list[float]:
    """Seconds from the start of the process to the first `ready`."""
    times = []
    for _round in range(rounds):
        started = time.perf_counter()
        gateway.start()
        times.append(time.perf_counter() - started)
        gateway.stop()
    return times


def help_times(rounds: int = 7) -> list[float]:
    """Seconds of `siak-gateway --help`, as a whole process."""
    times = []
    for _round in range(rounds):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "gateway", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return times


def answers_cost(gateway: GatewayProcess, key: str) -> tuple[float, float]:
    """Memory before and after remembering the answers, MB."""
    bodies = [body_of(nik) for nik in Population(int(ANSWERS * 1.05), 1).active()[:ANSWERS]]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    with gateway:
        load(f"{gateway.url}/v1/residents/lookup", bodies[:1], headers, connections=1, seconds=2)
        before = resident_memory(gateway.pid)
        for _pass in range(2):
            load(f"{gateway.url}/v1/residents/lookup", bodies, headers, connections=8, seconds=12)
        return before, resident_memory(gateway.pid)


def main() -> None:
    """Measure and tell."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", action="store_true", help="also write bench/results/footprint.md")
    chosen = options.parse_args()
    rights = demo_rights({"uji_beban": "sampang"})
    with tempfile.TemporaryDirectory() as name, start_process(population=int(ANSWERS * 1.05)) as mock:
        gateway = GatewayProcess(Path(name), mock.url, config=CONFIG, rights=rights)
        key = gateway.add_client("bench")
        ready = statistics.median(ready_times(gateway))
        before, after = answers_cost(gateway, key)
    help_time = statistics.median(help_times())
    text = "\n".join(
        [
            "# What the gateway weighs",
            "",
            describe(),
            "",
            "| what | measured | goal |",
            "| --- | ---: | --- |",
            f"| memory of a gateway that just answered its first question | {before:.0f} MB | |",
            f"| further memory of {ANSWERS:,} remembered answers | {after - before:.0f} MB | ≤ 80 MB |",
            f"| ready after start | {ready:.2f} s | ≤ 2.5 s |",
            f"| `--help`, whole process | {help_time:.2f} s | ≤ 0.25 s |",
            "",
        ]
    )
    print(text)
    if chosen.write:
        (RESULTS / "footprint.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
