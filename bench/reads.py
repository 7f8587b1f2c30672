"""Look-ups through the whole path, beside bare servers and nginx in the same run.

One worker each, one machine, loopback. Ratios are what counts; absolute figures vary with the machine.

    python -m bench.reads [--seconds 5] [--rounds 3] [--only-face]

Every pair is measured in turn, A B A B …; the median ratio of the rounds is the result.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.load import generator, load
from bench.machine import describe
from bench.peers.nginx import installed, nginx
from gateway.mock_siak import demo_accounts, start_process
from gateway.mock_siak.population import Population
from gateway.testing.processes import GatewayProcess, demo_rights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.load import Measured
    from gateway.mock_siak.accounts import Account

CONNECTIONS = 32
PEOPLE = 60_000
WARM = 1_000
RESULTS = Path(__file__).with_name("results")
CONFIG = """
[plugins]
enabled = ["metrics"]
[log]
level = "info"
format = "json"
[adapters]
enabled = ["dukcapil_ws"]
[adapters.dukcapil_ws.clients.beban]
path = "35-27/uji_beban_3527"
user_id = "uji_beban"
error_shape = "response_desc"
"""
FACE_GOAL = 0.834
"""It may cost 1.2 times the native look-up, which is this part of its rate."""
LOOKUP = "/v1/residents/lookup"
FACE = "/dukcapil/get_json/35-27/uji_beban_3527/CALL_NIK"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One comparison.

    Attributes:
        name: What is compared with what.
        ours: Our rates, per round, answers/s.
        theirs: The peer's rates.
        goal: Least ratio wanted.
    """

    name: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    goal: float

    @property
    def median(self) -> float:
        """Median of the rounds' ratios."""
        return statistics.median(one / other for one, other in zip(self.ours, self.theirs, strict=True))

    def row(self) -> str:
        """One row of the table."""
        met = "yes" if self.median >= self.goal else "NO"
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return f"| {self.name} | {ours:,.0f} | {theirs:,.0f} | {self.median:.2f} | ≥ {self.goal:g} | {met} |"


@contextmanager
def bare(mode: str, target: str = "", extra: str = "{}") -> Iterator[str]:
    """A bare server in a process of its own; its URL."""
    command = [sys.executable, "-m", "bench.peers.bare", mode, target, extra]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield child.stdout.readline().strip() if child.stdout is not None else ""
    finally:
        child.terminate()
        child.wait()


class Bench:
    """All measurements of one run."""

    def __init__(self, gateway: GatewayProcess, key: str, niks: Sequence[str], seconds: float, rounds: int) -> None:
        self._gateway = gateway
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        self._fresh = iter(niks[WARM:])
        self._warm = [body_of(nik) for nik in niks[:WARM]]
        self._seconds = seconds
        self._rounds = rounds

    def cached(self, peer: str, name: str, goal: float) -> Ratio:
        """Cached look-ups beside a peer."""
        return self._against(name, lambda: self._ask(self._gateway.url, self._warm), peer, self._warm, goal)

    def uncached(self, peer: str, name: str, goal: float) -> Ratio:
        """Look-ups of people never asked for, beside a peer."""
        return self._against(name, lambda: self._ask_anew(24_000, seconds=self._seconds), peer, self._warm, goal)

    def one_connection(self, peer: str) -> tuple[float, float]:
        """Median latency of a miss at one connection, ours and the peer's, milliseconds."""
        ours, theirs = [], []
        for _round in range(self._rounds):
            ours.append(self._ask_anew(6_000, connections=1, seconds=2).p50)
            theirs.append(self._ask(peer, self._warm, connections=1, seconds=2).p50)
        return statistics.median(ours), statistics.median(theirs)

    def face(self, account: Account, goal: float) -> Ratio:
        """The drop-in face beside the native API, the same residents out of the same cache."""
        credentials = {"user_id": account.user_id, "password": account.password, "ip_user": account.ips[0]}
        bodies = [json.dumps({"nik": json.loads(body)["nik"], **credentials}) for body in self._warm]
        pairs = []
        for number in range(self._rounds):
            say(f"drop-in face: round {number + 1} of {self._rounds}")
            ours = self._ask(self._gateway.url, bodies, path=FACE)
            pairs.append((ours.rate, self._ask(self._gateway.url, self._warm).rate))
        name = "drop-in face, cached / native cached look-up"
        return Ratio(name, tuple(one for one, _ in pairs), tuple(other for _, other in pairs), goal)

    def warm_up(self, url: str | None = None) -> None:
        """Ask for everybody who is asked for again later."""
        self._ask(url or self._gateway.url, self._warm, seconds=2)

    def _against(self, name: str, ours: Callable[[], Measured], peer: str, bodies: list[str], goal: float) -> Ratio:
        pairs = []
        for number in range(self._rounds):
            say(f"{name}: round {number + 1} of {self._rounds}")
            pairs.append((ours().rate, self._ask(peer, bodies).rate))
        return Ratio(name, tuple(one for one, _ in pairs), tuple(other for _, other in pairs), goal)

    def _ask(
        self,
        url: str,
        bodies: list[str],
        *,
        connections: int = CONNECTIONS,
        seconds: float | None = None,
        path: str = LOOKUP,
    ) -> Measured:
        measured = load(
            f"{url}{path}",
            bodies,
            self._headers,
            connections=connections,
            seconds=self._seconds if seconds is None else seconds,
        )
        if measured.errors:
            raise RuntimeError(f"{measured.errors} answers were not good")
        return measured

    def _ask_anew(self, people: int, *, seconds: float, connections: int = CONNECTIONS) -> Measured:
        """Ask the gateway for people it does not know; a second round over them would measure its cache."""
        measured = self._ask(self._gateway.url, self._new(people), connections=connections, seconds=seconds)
        if measured.rate * seconds > people:
            raise RuntimeError(f"{people} people are too few for {seconds:g} s at {measured.rate:,.0f} answers/s")
        return measured

    def _new(self, count: int) -> list[str]:
        found = [body_of(nik) for nik, _ in zip(self._fresh, range(count), strict=False)]
        if len(found) < count:
            raise RuntimeError("the population is too small for a run this long")
        return found


def body_of(nik: str) -> str:
    """The body of a look-up."""
    return json.dumps({"nik": nik, "purpose": "pelayanan"}, separators=(",", ":"))


def say(text: str) -> None:
    """Tell progress."""
    print(f"… {text}", file=sys.stderr, flush=True)


def measure(seconds: float, rounds: int, *, only_face: bool = False) -> str:
    """Run everything, or the comparison of the drop-in face alone; the report as Markdown."""
    needed = WARM + rounds * (3 * 24_000 + 6_000)
    people = max(PEOPLE, int(needed * 1.05))
    say(f"a population of {people}")
    niks = Population(people, 1).active()
    account = next(one for one in demo_accounts(1) if one.user_id == "uji_beban")
    target = f"/dukcapil/get_json/{account.path}/CALL_NIK"
    extra = json.dumps({"user_id": account.user_id, "password": account.password, "ip_user": account.ips[0]})
    with tempfile.TemporaryDirectory() as name, start_process(population=people) as mock:
        folder = Path(name)
        gateway = GatewayProcess(
            folder / "gateway", mock.url, config=CONFIG, rights=demo_rights({"uji_beban": "sampang"})
        )
        key = gateway.add_client("bench")
        gateway.environ["SIAK_GATEWAY_SECRET_DUKCAPIL_WS_BEBAN_KEY"] = gateway.add_client("face", adapter="dukcapil_ws")
        gateway.environ["SIAK_GATEWAY_SECRET_DUKCAPIL_WS_BEBAN_PASSWORD"] = account.password
        started = time.perf_counter()
        with gateway:
            ready = time.perf_counter() - started
            run = Bench(gateway, key, niks, seconds, rounds)
            run.warm_up()
            rows = [run.face(account, FACE_GOAL)]
            if only_face:
                return rows[0].row()
            with bare("fixed") as peer:
                rows.append(run.cached(peer, "cached look-up / bare server, same route and headers", 0.6))
            if installed():
                with nginx(folder, gateway.url) as peer:
                    run.warm_up(peer)
                    rows.append(run.cached(peer, "cached look-up / nginx proxy_cache", 0.2))
            with bare("aiohttp", mock.url + target, extra) as peer:
                rows.append(run.uncached(peer, "uncached look-up / bare handler on aiohttp's client", 0.6))
                ours, theirs = run.one_connection(peer)
            with bare("httpx", mock.url + target, extra) as peer:
                rows.append(run.uncached(peer, "uncached look-up / bare handler on httpx's default client", 3.0))
    return report(rows, ours - theirs, ready)


def report(rows: Sequence[Ratio], added: float, ready: float) -> str:
    """The results as Markdown."""
    lines = [
        "# Look-ups beside their peers",
        "",
        describe(),
        "",
        f"Load: {generator()}, {CONNECTIONS} connections, one worker each; rates are medians in answers/s.",
        "",
        "| compared | ours | peer | ratio | goal | met |",
        "| --- | ---: | ---: | ---: | --- | --- |",
        *[row.row() for row in rows],
        "",
        f"A miss at one connection adds {added:.2f} ms (median) to the same call without the gateway (goal ≤ 1.5 ms).",
        f"Ready {ready:.2f} s after start, data folder and secrets already there (goal ≤ 2.5 s).",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=5)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--write", action="store_true", help="also write bench/results/reads.md")
    options.add_argument("--only-face", action="store_true", help="only the drop-in face beside the native look-up")
    chosen = options.parse_args()
    text = measure(chosen.seconds, chosen.rounds, only_face=chosen.only_face)
    print(text)
    if chosen.write and not chosen.only_face:
        (RESULTS / "reads.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
