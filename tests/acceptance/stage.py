"""What every act of this room needs: the mock's control port, one way to ask, process figures.

```
test ─► GatewayProcess ─► mock centre (a process) ◄─ Centre (its control port)
  └──► Figures.of(pid): descriptors, threads, memory
```
"""

from __future__ import annotations

import json
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.mock_siak.demo_accounts import demo_accounts
from gateway.testing.processes import SEED, right_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.mock_siak import MockProcess
    from gateway.testing.processes import GatewayProcess

LOOKUP = "/v1/residents/lookup"
PURPOSE = "pelayanan"
ROUNDING = 0.01
"""Seconds by which times told to the millisecond, and two clocks of one machine, may differ."""


class Centre:
    """The mock centre as a test commands it.

    Args:
        mock: Its process.
    """

    def __init__(self, mock: MockProcess) -> None:
        self.url = mock.url
        self._control = mock.control_url

    def behave(self, **document: Any) -> None:
        """Put a behaviour; what it leaves out goes back to its default."""
        self._call("PUT", "/_mock/behaviour", document)

    def fail(self, kind: str, *, seconds: float = 5.0) -> None:
        """Let one kind of fault strike every call."""
        self.behave(faults=[{"kind": kind, "rate": 1.0, "seconds": seconds}])

    def slow(self, seconds: float) -> None:
        """Answer every call after so many seconds."""
        self.fail("latency", seconds=seconds)

    def stats(self) -> dict[str, Any]:
        """Its counters."""
        return self._call("GET", "/_mock/stats")

    def ledger(self) -> list[dict[str, Any]]:
        """What was handed in, with arrivals and effects."""
        entries: list[dict[str, Any]] = self._call("GET", "/_mock/ledger")["entries"]
        return entries

    @property
    def calls(self) -> int:
        """Calls that arrived so far, but for those by which gateways follow its events."""
        found = self.stats()
        return int(found["arrived"] - found["by_method"].get("EVENTS", {"arrived": 0})["arrived"])

    def niks(self, count: int, group: str = "active") -> list[str]:
        """NIKs of residents of one group."""
        found: list[str] = self._samples(count)["niks"][group]
        return found

    def strangers(self, count: int) -> list[str]:
        """Well-formed NIKs that nobody bears."""
        found: list[str] = self._samples(count)["unknown_niks"]
        return found

    @contextmanager
    def counting(self) -> Iterator[Counted]:
        """Count the calls that arrive while the block runs."""
        counted, before = Counted(), self.calls
        yield counted
        counted.calls = self.calls - before

    def _samples(self, count: int) -> dict[str, Any]:
        return self._call("GET", f"/_mock/samples?count={count}")

    def _call(self, method: str, path: str, document: object = None) -> dict[str, Any]:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self._control + path, body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@dataclass(slots=True)
class Counted:
    """How many calls arrived at the centre; known once the block is over."""

    calls: int = -1


@dataclass(frozen=True, slots=True)
class Answered:
    """One answered request.

    Attributes:
        status: HTTP status.
        headers: Header fields, names in lower case.
        body: Decoded JSON.
        seconds: How long it took, as the caller saw it.
        asked_at: When it was asked, Unix seconds.
    """

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]
    seconds: float
    asked_at: float

    @property
    def code(self) -> str:
        """The problem's code; empty for a good answer."""
        return str(self.body.get("code", ""))

    @property
    def nik(self) -> str:
        """The NIK the answer is about."""
        return str(self.body["resident"]["NIK"])

    @property
    def as_of(self) -> float:
        """When the centre said it, Unix seconds."""
        return datetime.fromisoformat(self.body["as_of"]).timestamp()


def ask(gateway: GatewayProcess, key: str, nik: str, *, deadline: float | None = None, **headers: str) -> Answered:
    """Look a resident up.

    Args:
        gateway: Whom to ask.
        key: Whose key.
        nik: About whom.
        deadline: `X-Request-Deadline` in seconds.
        headers: Further header fields; `_` stands for `-`.
    """
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    if deadline is not None:
        fields.append(("X-Request-Deadline", str(deadline)))
    asked_at, started = time.time(), time.monotonic()
    status, answered, body = gateway.post(LOOKUP, {"nik": nik, "purpose": PURPOSE}, fields, key=key)
    return Answered(status, answered, body, time.monotonic() - started, asked_at)


def assert_honest_age(answer: Answered) -> None:
    """A remembered answer says where it is from and how old it is: body, `Age` and the clock agree."""
    assert (answer.status, answer.body["source"]) == (200, "cache"), answer.body
    age = answer.body["age_seconds"]
    said_at = answer.as_of + age
    assert answer.asked_at - ROUNDING <= said_at <= answer.asked_at + answer.seconds + ROUNDING
    assert int(answer.headers["age"]) in {int(age), int(age - 0.001)}, "the body is rounded to the millisecond"
    assert answer.headers["cache-status"].startswith("siak-gateway; ")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a process holds.

    Attributes:
        descriptors: Open files and sockets.
        threads: Threads.
        resident: Memory in use, kB.
    """

    descriptors: int
    threads: int
    resident: int

    @classmethod
    def of(cls, pid: int) -> Figures:
        """The figures of a process now."""
        process = Path(f"/proc/{pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        threads = len(list((process / "task").iterdir()))
        return cls(len(list((process / "fd").iterdir())), threads, int(status["VmRSS"].split()[0]))


def alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has buried yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def descendants(pid: int) -> list[int]:
    """The children of a process and theirs."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, listing.read_text().split()):
            found += [child, *descendants(child)]
    return found


def demo_right(user_id: str, name: str, *, allowance: int | None = None) -> str:
    """The config of a right for one of the mock's demonstration accounts."""
    account = next(one for one in demo_accounts(SEED) if one.user_id == user_id)
    return right_of(account, name, allowance=allowance)
