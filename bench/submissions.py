"""Hand-ins over HTTP beside plain handlers, calm and with a slow disk; and what the outbox costs a dispatch.

    python -m bench.submissions [--seconds 5] [--rounds 3] [--peers FOLDER] [--write]

64 connections, forms of 1.5 kB, a commit on the disk before each 202. Contenders are measured in turn, A B C A B C …;
what counts are medians of the rounds' ratios. procrastinate is measured where it is installed:
`pip install --target FOLDER procrastinate`. The slow disk is the same disk with 5 ms added to every sync, of
whichever program. The centre is away while hand-ins are measured: nobody dispatches.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import msgspec
import uvloop

from bench.load import generator, load
from bench.machine import describe
from bench.slow_fsync import slow_fsync
from gateway.catalogue.receipts import new_id, new_number
from gateway.centre.link import Trip
from gateway.centre.writes import CentreSubmission
from gateway.contract.errors import GatewayError
from gateway.contract.messages import Priority
from gateway.contract.submissions import Subject, Submission, SubmissionState
from gateway.database.migrate import migrate
from gateway.http.submissions import PATH
from gateway.ledger import TABLES
from gateway.log import configure
from gateway.mock_siak import start_process
from gateway.mock_siak.population import Population
from gateway.outbox.outbox import NewSubmission
from gateway.settings import load as load_settings
from gateway.testing.postgres import PostgresMissing, PostgresServer
from gateway.testing.processes import GatewayProcess
from gateway.wiring.clock import SystemClock
from gateway.wiring.gateway import Gateway
from gateway.wiring.process import settle_interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.load import Measured
    from gateway.contract.submissions import SubmissionMoved
    from gateway.mock_siak import MockProcess

CONNECTIONS = 64
PEOPLE = 20_000
FORM_BYTES = 1_500
SLOW = 0.005
DISPATCHED = 4_000
WIDE = 64
DISPATCH_GOAL = 0.3
QUIET = '[log]\nlevel = "error"\n'
NOWHERE = "http://127.0.0.1:9"
VILLAGES = ("3527032001", "3527032002")
RESULTS = Path(__file__).with_name("results")
OURS, OURS_POSTGRES = "the gateway, SQLite FULL", "the gateway, PostgreSQL"
DEFER, SINGLE, GROUPED = "procrastinate's defer", "a commit for each request", "bare handler, grouped commits"


@dataclass
class Found:
    """What one contender reached.

    Attributes:
        rates: 202s a second, by round.
        p99s: 99th percentile of latency, by round, milliseconds.
    """

    rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)

    def add(self, measured: Measured) -> None:
        """One round more."""
        if measured.errors:
            raise RuntimeError(f"{measured.errors} hand-ins were not accepted")
        self.rates.append(measured.rate)
        self.p99s.append(measured.p99)

    def ratio(self, other: Found) -> float:
        """Median ratio of the rates, round by round."""
        return statistics.median(one / two for one, two in zip(self.rates, other.rates, strict=True))

    @property
    def row(self) -> str:
        """Rate and p99 as cells of a table."""
        return f"{statistics.median(self.rates):,.0f} | {statistics.median(self.p99s):.0f}"


@dataclass(frozen=True)
class Contender:
    """A server that takes hand-ins in.

    Attributes:
        name: What it is.
        url: Where it listens.
        key: Key to call it with; empty for none.
    """

    name: str
    url: str
    key: str = ""

    def hand_in(self, bodies: Sequence[str], seconds: float) -> Measured:
        """Keep all connections busy with it."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        return load(
            f"{self.url}{PATH}", bodies, headers, connections=CONNECTIONS, seconds=seconds, unique="Idempotency-Key"
        )


def form_of(nik: str) -> str:
    """A request for an identity card, with blanks up to the usual size of a form: they are kept and sealed too."""
    return f'{{"nik":"{nik}"' + " " * (FORM_BYTES - 26) + "}"


def requests() -> list[str]:
    """Bodies of hand-ins, each about somebody else."""
    return [
        f'{{"service":"ktp","version":1,"village":"{VILLAGES[place % len(VILLAGES)]}","subject":{{"nik":"{nik}"}},'
        f'"form":{form_of(nik)}}}'
        for place, nik in enumerate(Population(PEOPLE, 1).active())
    ]


@contextmanager
def peer(mode: str, database: str, environ: dict[str, str]) -> Iterator[str]:
    """A plain handler in a process of its own; its URL."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.peers.handing_in", mode, database],
        stdout=subprocess.PIPE, text=True, env={**os.environ, **environ},
    )  # fmt: skip
    try:
        url = child.stdout.readline().strip() if child.stdout is not None else ""
        if not url:
            raise RuntimeError(f"the peer {mode} did not start")
        yield url
    finally:
        child.terminate()
        child.wait()


def gateway(folder: Path, environ: dict[str, str], url: str, stack: ExitStack) -> Contender:
    """A gateway, its centre away."""
    database = f'[database]\nurl = "{url}"\n' if url else ""
    process = GatewayProcess(folder, NOWHERE, config=f'[log]\nformat = "json"\n{database}', environ=environ)
    if url:
        migrate(url)
        migrate(url, (TABLES,))
    key = process.add_client("bench")
    stack.enter_context(process)
    return Contender(OURS_POSTGRES if url else OURS, process.url, key)


def contenders(folder: Path, delay: float, peers: str, stack: ExitStack) -> Iterator[Contender]:
    """All that can run here, started."""
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    slow = slow_fsync(folder, delay)
    yield gateway(folder / "ours", slow, "", stack)
    yield Contender(SINGLE, stack.enter_context(peer("single", str(folder / "single.db"), slow)))
    yield Contender(GROUPED, stack.enter_context(peer("grouped", str(folder / "grouped.db"), slow)))
    try:
        server = stack.enter_context(PostgresServer(durable=True, environ=slow))
    except PostgresMissing as missing:
        say(f"PostgreSQL left out: {missing}")
        return
    yield gateway(folder / "ours-postgresql", slow, server.new_database(), stack)
    if peers:
        own = {"PYTHONPATH": os.pathsep.join([peers, str(Path.cwd())])}
        yield Contender(DEFER, stack.enter_context(peer("defer", server.new_database(), own)))


def handed_in(folder: Path, delay: float, peers: str, seconds: float, rounds: int) -> dict[str, Found]:
    """What each contender reaches, in turn, after a second of warming up."""
    bodies = requests()
    with ExitStack() as stack:
        running = list(contenders(folder, delay, peers, stack))
        found = {one.name: Found() for one in running}
        for one in running:
            one.hand_in(bodies, 1.0)
        for number in range(rounds):
            for one in running:
                say(f"{one.name}, {delay * 1000:.0f} ms added to each sync: round {number + 1} of {rounds}")
                found[one.name].add(one.hand_in(bodies, seconds))
        return found


def goals(calm: dict[str, Found], slow: dict[str, Found]) -> Iterator[tuple[str, float, float, bool]]:
    """Name, figure, goal, and whether more is better."""
    ours = calm[OURS]
    if DEFER in calm:
        yield "rate / procrastinate's defer", ours.ratio(calm[DEFER]), 1.0, True
    yield "rate / a commit for each request", ours.ratio(calm[SINGLE]), 1.0, True
    yield "rate / bare handler with grouped commits", ours.ratio(calm[GROUPED]), 0.4, True
    yield "p99, ms", statistics.median(ours.p99s), 60.0, False
    if slow:
        yield "rate with a slow disk / calm", slow[OURS].ratio(ours), 0.6, True


async def opened(process: GatewayProcess) -> Gateway:
    """A gateway in this process over a process's config and secrets."""
    settings = load_settings(process.config_file, process.environ)
    gateway = await Gateway.open(settings, process.environ, SystemClock(), random.Random())
    settle_interpreter()
    return gateway


async def dispatched(process: GatewayProcess, niks: Sequence[str]) -> float:
    """Submissions a second that a whole outbox delivers: filled while nobody claims, then drained."""
    one = await opened(process)
    try:
        await one.handing_in.end(one.supervisor)
        clock, outbox = SystemClock(), one.handing_in.outbox
        await asyncio.gather(*(outbox.accept(submission(nik, place)) for place, nik in enumerate(niks)))
        began, last = clock.monotonic(), told_of(one, len(niks))
        one.handing_in.begin(one.supervisor)
        one.handing_in.dispatcher.wake()
        await last
        return len(niks) / (clock.monotonic() - began)
    finally:
        await one.close()


def told_of(one: Gateway, count: int) -> asyncio.Future[None]:
    """Done when so many submissions were stored as delivered."""
    last: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    dispatcher, left = one.handing_in.dispatcher, itertools.count(count - 1, -1)
    tell = dispatcher.tell

    def count_down(moved: SubmissionMoved) -> None:
        tell(moved)
        if moved.move.after is SubmissionState.DELIVERED and next(left) == 0:
            last.set_result(None)

    dispatcher.tell = count_down
    return last


async def sent(process: GatewayProcess, niks: Sequence[str]) -> float:
    """Submissions a second that the same client sends over the same limiter and breaker, from a list in memory."""
    one = await opened(process)
    waiting = list(enumerate(niks))

    async def send_on() -> None:
        while waiting:
            new = submission(waiting[-1][1], waiting.pop()[0])
            told = CentreSubmission(
                new.id, new.submission.service, 1, new.submission.village, new.submission.subject.number, new.filed_at,
                json.loads(bytes(new.submission.form)),
            )  # fmt: skip
            while True:
                trip = Trip("sampang", "bench", told.village, Priority.COUNTER, time.monotonic() + 30.0, new.id)
                try:
                    await one.chain.writes.submit(trip, told)
                except GatewayError:
                    await asyncio.sleep(0.05)
                else:
                    break

    try:
        began = time.monotonic()
        await asyncio.gather(*(send_on() for _ in range(WIDE)))
        return len(niks) / (time.monotonic() - began)
    finally:
        await one.close()


def submission(nik: str, place: int) -> NewSubmission:
    """The same hand-in as over HTTP, as the outbox takes it."""
    now = time.time()
    return NewSubmission(
        id=new_id(now, random.getrandbits),
        number=new_number(random.getrandbits),
        caller="bench",
        right="sampang",
        adapter="native",
        priority=Priority.COUNTER,
        key=new_id(now, random.getrandbits),
        filed_at=now,
        submission=Submission(
            "ktp", 1, VILLAGES[place % len(VILLAGES)], Subject(nik=nik), msgspec.Raw(form_of(nik).encode())
        ),
    )


def hurry(mock: MockProcess) -> None:
    """Let the centre answer as fast as it can, and decide a day later: what it decided is no part of a dispatch."""
    behaviour = json.dumps({"mode": "up", "workers": WIDE, "mean_seconds": 0.0, "office_seconds": 86_400.0}).encode()
    urlopen(Request(f"{mock.control_url}/_mock/behaviour", behaviour, method="PUT")).close()


def dispatches(folder: Path, rounds: int, count: int) -> tuple[list[float], list[float]]:
    """Rates of the outbox and of the loop, in turn."""
    niks = list(itertools.islice(Population(PEOPLE, 1).active(), count))
    ours: list[float] = []
    loop: list[float] = []
    for number in range(rounds):
        for place, (rates, run) in enumerate(((ours, dispatched), (loop, sent))):
            say(f"dispatch, round {number + 1} of {rounds}")
            with start_process(population=PEOPLE) as mock:
                hurry(mock)
                process = GatewayProcess(folder / f"dispatch-{number}-{place}", mock.url, config=QUIET)
                rates.append(uvloop.run(run(process, niks)))
    return ours, loop


def report(options: argparse.Namespace) -> str:
    """Everything, as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        calm = handed_in(Path(name) / "calm", 0.0, options.peers, options.seconds, options.rounds)
        slow = handed_in(Path(name) / "slow", SLOW, options.peers, options.seconds, options.rounds)
        ours, loop = dispatches(Path(name), options.rounds, options.dispatched)
    cell = {name: slow[name].row if name in slow else " | " for name in calm}
    rows = [f"| {name} | {calm[name].row} | {cell[name]} |" for name in calm]
    told = [
        f"| {name} | {found:.2f} | {'≥' if more else '≤'} {goal:g} | {'yes' if (found >= goal) is more else 'NO'} |"
        for name, found, goal, more in goals(calm, slow)
    ]
    ratio = statistics.median(one / two for one, two in zip(ours, loop, strict=True))
    met = "yes" if ratio >= DISPATCH_GOAL else "NO"
    told.append(f"| dispatch / same client loop without an outbox | {ratio:.2f} | ≥ {DISPATCH_GOAL} | {met} |")
    return "\n".join(
        [
            "# Hand-ins beside their peers", "", describe(), "",
            f"Load: {generator()}, {CONNECTIONS} connections, forms of {FORM_BYTES} bytes, {options.rounds} rounds.",
            "", f"| | 202s/s | p99, ms | {SLOW * 1000:.0f} ms more for each sync: 202s/s | p99, ms |",
            "| --- | ---: | ---: | ---: | ---: |", *rows, "",
            "| goal | measured | wanted | met |", "| --- | ---: | --- | --- |", *told, "",
            f"Dispatch: {statistics.median(ours):,.0f} a second out of an outbox of {options.dispatched:,} on SQLite;",
            f"{statistics.median(loop):,.0f} by the loop.", "",
        ]
    )  # fmt: skip


def say(text: str) -> None:
    """Tell progress."""
    print(f"… {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and tell."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--dispatched", type=int, default=DISPATCHED, help="how many are dispatched")
    options.add_argument("--peers", default="", help="folder procrastinate is installed in")
    options.add_argument("--write", action="store_true", help="also write bench/results/submissions.md")
    chosen = options.parse_args()
    configure("error")
    text = report(chosen)
    print(text)
    if chosen.write:
        (RESULTS / "submissions.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
