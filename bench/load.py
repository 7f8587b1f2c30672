"""Load for the benchmarks: `wrk` where it is installed, else a loop of our own in another process.

Both keep a fixed number of keep-alive connections busy and pick the next body from a list, in order.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LUA = """
local bodies = {{}}
for line in io.lines({bodies}) do bodies[#bodies + 1] = line end
local at = 0
wrk.method = "POST"
{headers}
local count = 0
request = function()
  at = at % #bodies + 1
  count = count + 1
  {unique}
  return wrk.format(nil, nil, nil, bodies[at])
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status + summary.errors.read))
end
"""
_RESULT = re.compile(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of load.

    Attributes:
        rate: Answers per second.
        p50: Median latency, milliseconds.
        p99: 99th percentile, milliseconds.
        errors: Answers that were not 2xx, and broken connections.
    """

    rate: float
    p50: float
    p99: float
    errors: int


def generator() -> str:
    """Which load generator is used."""
    return "wrk" if shutil.which("wrk") else "our own loop (wrk is not installed)"


def load(
    url: str,
    bodies: Sequence[str],
    headers: Mapping[str, str],
    *,
    connections: int,
    seconds: float,
    unique: str | None = None,
) -> Measured:
    """Keep POSTing bodies, in order and again from the start.

    Args:
        url: Where to.
        bodies: What.
        headers: Header fields of every request.
        connections: Kept busy.
        seconds: How long.
        unique: Header field that gets another value with every request, such as `Idempotency-Key`.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bodies"
        file.write_text("\n".join(bodies) + "\n", encoding="utf-8")
        if shutil.which("wrk"):
            return _wrk(url, file, headers, connections, seconds, unique)
        return _own(url, file, headers, connections, seconds, unique)


def _wrk(
    url: str, bodies: Path, headers: Mapping[str, str], connections: int, seconds: float, unique: str | None
) -> Measured:
    lines = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items())
    script = bodies.with_name("load.lua")
    counted = (
        "" if unique is None else f"wrk.headers[{json.dumps(unique)}] = {json.dumps(secrets.token_hex(8))} .. count"
    )
    script.write_text(_LUA.format(bodies=json.dumps(str(bodies)), headers=lines, unique=counted), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}", "--timeout", "20", "-s", str(script), url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = _RESULT.search(told)
    if found is None:
        raise RuntimeError(f"wrk said nothing that can be read: {told}")
    requests, micros, p50, p99, errors = map(int, found.groups())
    return Measured(requests / (micros / 1e6), p50 / 1000, p99 / 1000, errors)


def _own(
    url: str, bodies: Path, headers: Mapping[str, str], connections: int, seconds: float, unique: str | None
) -> Measured:
    command = [
        sys.executable, str(Path(__file__).with_name("load_process.py")), url, str(bodies), json.dumps(dict(headers)),
        str(connections), str(seconds), unique or "",
    ]  # fmt: skip
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Measured(**json.loads(told))
