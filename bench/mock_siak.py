"""How many calls a second the mock centre answers when it is asked to be fast.

The mock runs as its own process (no queue: `mean_seconds` 0); this process is the load: keep-alive connections that
send the next question as soon as the last answer is complete. Beside it, `wrk` asks the same where it is installed.

    python bench/mock_siak.py [--seconds 5] [--connections 32]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import uvloop

from gateway.mock_siak import demo_accounts, start_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.mock_siak import Account

_SAMPLES = 200


class Asker(asyncio.Protocol):
    """One keep-alive connection that asks question after question and times each."""

    def __init__(self, questions: Sequence[bytes], start: int) -> None:
        self._questions = questions
        self._next = start
        self._asked = 0.0
        self._got = b""
        self._transport: asyncio.Transport | None = None
        self.seconds: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first question."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Ask the next question once the answer is whole."""
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.rpartition(b"Content-Length: ")[2]):
            self.seconds.append(time.perf_counter() - self._asked)
            self._got = b""
            self._ask()

    def finish(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.abort()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._next = (self._next + 1) % len(self._questions)
        if self._transport:
            self._transport.write(self._questions[self._next])


async def load(url: str, questions: Sequence[bytes], connections: int, seconds: float) -> list[float]:
    """Ask for a while; gives back the seconds of every answer, sorted."""
    loop = asyncio.get_running_loop()
    where = urlsplit(url)
    askers = [Asker(questions, start) for start in range(connections)]
    for asker in askers:
        await loop.create_connection(partial(_same, asker), where.hostname or "", where.port or 0)
    await asyncio.sleep(seconds)
    for asker in askers:
        asker.finish()
    return sorted(took for asker in askers for took in asker.seconds)


def question(account: Account, nik: str) -> bytes:
    """A biodata call as a client library would send it."""
    credentials = {"user_id": account.user_id, "password": account.password, "ip_user": "127.0.0.1"}
    body = json.dumps({"nik": nik, **credentials}).encode()
    return (
        f"POST /dukcapil/get_json/{account.path}/CALL_NIK HTTP/1.1\r\nHost: centre\r\nAccept: */*\r\n"
        f"User-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def wrk(url: str, account: Account, nik: str, connections: int, seconds: float) -> str | None:
    """The rate `wrk` reports for one repeated question; None where it is not installed."""
    if shutil.which("wrk") is None:
        return None
    body = question(account, nik).partition(b"\r\n\r\n")[2].decode()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"wrk.method='POST'\nwrk.headers['Content-Type']='application/json'\nwrk.body=[[{body}]]\n")
        script.flush()
        target = f"{url}/dukcapil/get_json/{account.path}/CALL_NIK"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", script.name, target]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return next(line.split()[1] for line in report.splitlines() if line.startswith("Requests/sec"))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=32)
    wanted = parser.parse_args()
    account = next(account for account in demo_accounts(1) if account.user_id == "uji_beban")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, start_process(state=Path(folder)) as mock:
        ready = time.perf_counter() - began
        with urllib.request.urlopen(f"{mock.control_url}/_mock/samples?count={_SAMPLES}") as answer:
            niks = json.load(answer)["niks"]["active"]
        questions = [question(account, nik) for nik in niks]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            took = runner.run(load(mock.url, questions, wanted.connections, wanted.seconds))
        rate = wrk(mock.url, account, niks[0], wanted.connections, wanted.seconds)
    print(f"{wanted.connections} connections, {wanted.seconds:g} s, {len(niks)} NIKs of 20,000 residents")
    print(f"ready after   {ready:10.2f} s")
    print(f"asyncio load  {len(took) / wanted.seconds:10,.0f} calls/s   p50 {_ms(took, 50)}   p99 {_ms(took, 99)}")
    print(f"wrk           {rate or 'not installed'}")


def _same(asker: Asker) -> Asker:
    return asker


def _ms(took: Sequence[float], percent: int) -> str:
    return f"{took[len(took) * percent // 100] * 1000:.2f} ms"


if __name__ == "__main__":
    main()
