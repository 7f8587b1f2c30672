"""The gateway as a process, run here and now: its signals, its files, its log."""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager, redirect_stderr
from threading import Thread
from typing import TYPE_CHECKING

import structlog

from gateway.mock_siak.accounts import demo_password
from gateway.settings import load
from gateway.testing.processes import SEED, demo_rights
from gateway.wiring.process import run_forever
from tests.http.rig import LOOKUP, ask
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.mock_siak import MockProcess

PORTS = "[server]\nport = 0\noperator_port = 0\n[log]\nformat = 'json'\n"


class Running:
    """A gateway in this process, and a story told to it from another thread by signals.

    Args:
        folder: Where config and data are.
        centre: URL of the centre.
    """

    def __init__(self, folder: Path, centre: str) -> None:
        """Write config and environment."""
        self.file = folder / "gateway.toml"
        self.data = folder / "data"
        self.write(PORTS)
        os.environ |= {
            "SIAK_GATEWAY_VAR": str(self.data),
            "SIAK_GATEWAY_CENTRE_URL": centre,
            "SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD": demo_password(SEED, "dukcapil_sampang"),
        }
        self.failed: BaseException | None = None
        self.ended = False

    def write(self, text: str) -> None:
        """Replace the config."""
        self.file.write_text(f"{text}\n{demo_rights()}", encoding="utf-8")

    def tell(self, story: Callable[[Running], None]) -> None:
        """Serve while a story is told, then until SIGTERM; its failure is the test's."""

        def told() -> None:
            try:
                self.until((self.data / "gateway.pid").exists)
                story(self)
            except BaseException as error:  # noqa: BLE001 # handed over to the thread of the test
                self.failed = error
            finally:
                if not self.ended:
                    os.kill(os.getpid(), signal.SIGTERM)

        teller = Thread(target=told)
        teller.start()
        try:
            run_forever(load(self.file, os.environ))
        finally:
            self.ended = True
            teller.join(10)
            structlog.reset_defaults()
        if self.failed is not None:
            raise self.failed

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition."""
        eventually(lambda: self.ended or holds())
        assert not self.ended

    def url(self, name: str = "gateway") -> str:
        """Where it says it listens."""
        return str(json.loads((self.data / "addresses.json").read_text())[name])


class Told:
    """What goes to standard error, in a file, read on from where one left off: pytest's capture may lose lines."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take standard error while the block runs."""
        with self._file.open("w", encoding="utf-8") as stream, redirect_stderr(stream):
            yield

    def lines(self) -> list[dict[str, object]]:
        """The whole lines that have come since."""
        new = self._file.read_bytes()[self._read :]
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


def test_it_says_where_it_is_and_stops_on_sigterm(tmp_path: Path, mock_process: MockProcess) -> None:
    """While it serves, pid and addresses stand in the data folder; after SIGTERM they are gone."""
    running, told = Running(tmp_path, mock_process.url), Told(tmp_path / "stderr")

    def story(running: Running) -> None:
        assert int((running.data / "gateway.pid").read_text()) == os.getpid()
        assert ask(running.url(), "GET", "/health/ready").status == 200
        assert ask(running.url("operator"), "GET", "/health/live").status == 200
        assert ask(running.url(), "POST", LOOKUP).status == 401

    with told.listening():
        running.tell(story)
    assert not (running.data / "gateway.pid").exists()
    assert not (running.data / "addresses.json").exists()
    events = [line["event"] for line in told.lines()]
    assert [event for event in events if str(event).startswith("gateway.")] == [
        "gateway.started", "gateway.stopping", "gateway.stopped",
    ]  # fmt: skip


def test_sighup_takes_over_a_good_config_and_refuses_a_bad_one(tmp_path: Path, mock_process: MockProcess) -> None:
    """Every fault of a bad config is told with file, line and key; a good one tells what needs a restart."""
    heard: list[dict[str, object]] = []
    told = Told(tmp_path / "stderr")

    def hup(event: str) -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGHUP)
        seen: list[dict[str, object]] = []

        def there() -> bool:
            seen.extend(told.lines())
            return any(line["event"] == event for line in seen)

        running.until(there)
        heard.extend(seen)
        return next(line for line in seen if line["event"] == event)

    def story(running: Running) -> None:
        running.write(PORTS + "nonsense = 1\n[centre]\ndeadline = 'long'\n")
        refused = hup("gateway.reload.refused")
        assert (refused["file"], refused["key"]) == (str(running.file), "log.nonsense")
        assert refused["line"] == 6
        running.write(PORTS.replace("port = 0\no", "port = 1\no"))
        assert hup("gateway.restart.needed")["key"] == "server.port"
        running.write(PORTS)
        del os.environ["SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD"]
        assert "SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD" in str(hup("gateway.reload.refused")["reason"])
        os.environ["SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD"] = "x"
        hup("gateway.reloaded")
        assert ask(running.url(), "GET", "/health/ready").status == 200

    running = Running(tmp_path, mock_process.url)
    with told.listening():
        running.tell(story)
    assert len([line for line in heard if line["event"] == "gateway.reload.refused"]) >= 3
