"""What the drop-in face costs beside the native API: CPU time of a cached answer, without server or socket.

The thread's own CPU time is counted, native and face in turn, so that other work on the machine hardly shows. The
server's part, which is the same for both, is left out: the ratio here is above the one that `bench/reads.py` measures.

    python -m bench.face_cost [--calls 400] [--rounds 60]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.reads import LOOKUP, body_of
from gateway.mock_siak.demo_accounts import demo_accounts
from gateway.testing.processes import SEED
from gateway.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.http.application import Application
    from gateway.http.exchange import Fields

PEOPLE = 200
USER = "dukcapil_sampang"
CONFIG = """
[adapters.dukcapil_ws.clients.beban]
path = "35-27/dukcapil_sampang_3527"
user_id = "dukcapil_sampang"
error_shape = "response_desc"
"""


class Call:
    """A request that is there already, and forgets its answer."""

    def __init__(self, path: str, body: str, key: str) -> None:
        self.method, self.path, self.query = "POST", path, ""
        self.status = 0
        self._body = body.encode()
        self._head = [
            ("host", "127.0.0.1:8080"),
            ("content-length", str(len(self._body))),
            ("content-type", "application/json"),
            ("authorization", f"Bearer {key}"),
        ]

    def fields(self) -> Fields:
        """As a server hands them over: a new list each time."""
        return [*self._head]

    def peer(self) -> str:
        """As a server tells it: address and port in one text."""
        return "127.0.0.1:43210".rpartition(":")[0]

    async def whole(self) -> bytes:
        """The body."""
        return self._body

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body at once."""
        yield self._body

    async def left(self) -> None:
        """Nobody leaves."""

    async def answer(self, status: int, _fields: Fields, _body: bytes) -> None:
        """Take note of the status only."""
        self.status = status

    async def stream(self, status: int, _fields: Fields, pieces: AsyncIterator[bytes]) -> None:
        """Take note of the status only."""
        self.status = status
        async for _piece in pieces:
            pass


async def cost(application: Application, calls: list[Call], count: int) -> float:
    """Microseconds of CPU time a call takes."""
    began = time.thread_time()
    for place in range(count):
        await application.serve(calls[place % len(calls)])
    taken = time.thread_time() - began
    if any(call.status != 200 for call in calls):
        raise RuntimeError("answers were not good")
    return taken / count * 1e6


def measure(count: int, rounds: int) -> tuple[list[float], list[float]]:
    """Native and face, microseconds of each round."""
    native: list[float] = []
    face: list[float] = []
    account = next(one for one in demo_accounts(SEED) if one.user_id == USER)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder), plugins=("metrics",), adapters=("dukcapil_ws",), config=CONFIG) as stage,
    ):
        key = stage.add_client("bench")
        program = stage.add_client("face", adapter="dukcapil_ws")
        stage.give_secrets("dukcapil_ws", {"beban_key": program, "beban_password": account.password})
        niks = [person.nik for person in stage.people()[:PEOPLE]]
        sent = {"user_id": USER, "password": account.password, "ip_user": account.ips[0]}
        path = f"/dukcapil/get_json/{account.path}/CALL_NIK"
        ours = [Call(path, json.dumps({"nik": nik, **sent}), key) for nik in niks]
        theirs = [Call(LOOKUP, body_of(nik), key) for nik in niks]
        application = stage.gateway.public
        for calls in (ours, theirs):
            stage.run(cost(application, calls, PEOPLE))
        for _round in range(rounds):
            native.append(stage.run(cost(application, theirs, count)))
            face.append(stage.run(cost(application, ours, count)))
    return native, face


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=400)
    options.add_argument("--rounds", type=int, default=60)
    chosen = options.parse_args()
    native, face = (statistics.quantiles(each, n=10)[0] for each in measure(chosen.calls, chosen.rounds))
    of = f"the quickest tenth of {chosen.rounds} rounds"
    sys.stdout.write(f"native {native:.1f} µs, face {face:.1f} µs, ratio {face / native:.3f} ({of})\n")


if __name__ == "__main__":
    main()
