"""`siak-gateway run` and `serve` as an admin meets them: Ctrl-C, ports that are taken, configs that are wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.testing.processes import GatewayProcess
from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.stage import alive, descendants
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

COMMAND = [sys.executable, "-m", "gateway"]
DEFAULT_CONFIG = Path(__file__).parents[2] / "config" / "gateway.toml"
STOPS_WITHIN = 5.0
READY_WITHIN = 40.0


class Trial:
    """`siak-gateway run` in a session of its own, as in a terminal.

    Args:
        folder: Where it keeps everything.
    """

    def __init__(self, folder: Path) -> None:
        self.demo = folder / "demo.json"
        self._log = folder.parent / "trial.log"
        ports = ("GATEWAY_PORT", "GATEWAY_OPERATOR_PORT", "MOCK_PORT", "MOCK_CONTROL_PORT")
        environ = os.environ | {f"SIAK_{name}": "0" for name in ports} | {"SIAK_GATEWAY_VAR": str(folder)}
        command = [*COMMAND, "run", "--config", str(DEFAULT_CONFIG), "--population", "500"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)

    def facts(self) -> dict[str, Any]:
        """What `demo.json` says, once the trial tells what to try."""
        eventually(lambda: "Ctrl-C" in self.log() or self.process.poll() is not None, READY_WITHIN, self.log())
        assert self.process.poll() is None, self.log()
        found: dict[str, Any] = json.loads(self.demo.read_text())
        return found

    def log(self) -> str:
        """What it said."""
        return self._log.read_text()


def wait_until_gone(pids: list[int]) -> None:
    """Wait until none of these processes is left."""
    eventually(lambda: not any(map(alive, pids)), STOPS_WITHIN, "no process is left")


def look_up(facts: dict[str, Any]) -> int:
    """Status of a demo client's look-up."""
    body = json.dumps({"nik": facts["sample_niks"][0], "purpose": "pelayanan"})
    command = [
        "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{facts['gateway']}/v1/residents/lookup",
        "-H", f"Authorization: Bearer {facts['clients'][0]['key']}", "-H", "Content-Type: application/json", "-d", body,
    ]  # fmt: skip
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_ctrl_c_ends_both_processes_and_the_next_start_keeps_its_keys(tmp_path: Path) -> None:
    """SIGINT to the whole group, as a terminal sends it, or to the parent alone, ends every process within 5 s.

    The exit code is 0; the second start has the same demo keys, and they work.
    """
    keys = []
    for send in (os.killpg, os.kill):
        trial = Trial(tmp_path / "var")
        facts = trial.facts()
        keys.append([client["key"] for client in facts["clients"]])
        assert look_up(facts) == 200
        family = descendants(trial.process.pid)
        assert len(family) >= 2
        send(trial.process.pid, signal.SIGINT)
        asked = time.monotonic()
        assert trial.process.wait(STOPS_WITHIN) == 0, trial.log()
        wait_until_gone(family)
        assert time.monotonic() - asked <= STOPS_WITHIN
        assert "Traceback" not in trial.log()
    assert keys[0] == keys[1]
    assert trial.demo.stat().st_mode & 0o777 == 0o600


def serve(nursery: Nursery, gateway: GatewayProcess) -> tuple[int, str]:
    """Run `serve`, which is expected to end by itself: its exit code, and what it said."""
    arguments = ["serve", "--config", str(gateway.config_file)]
    return nursery.fork(arguments, gateway.environ, gateway.folder, gateway.log_file).wait(30.0), gateway.log()


@pytest.mark.parametrize("which", ["port", "operator_port"])
def test_a_taken_port_is_said_clearly(which: str, nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """A port that another program has ends the start with exit code 1 and one message that names it."""
    gateway = GatewayProcess(tmp_path, centre.url)
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = other.getsockname()[1]
        ports = {"port": 0, "operator_port": 0, which: taken}
        rest = gateway.config_file.read_text().partition("operator_port = 0\n")[2]
        gateway.write_config("[server]\n" + "".join(f"{key} = {port}\n" for key, port in ports.items()) + rest)
        code, told = serve(nursery, gateway)
    assert code == 1, told
    assert f"127.0.0.1:{taken}" in told
    assert "Traceback" not in told
    assert not (gateway.data / "gateway.pid").exists()


def test_a_bad_config_ends_the_start_before_any_port_opens(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """Each fault of a config is told with file, line and key; exit code 2; nothing was opened, not even a database."""
    gateway = GatewayProcess(tmp_path, centre.url)
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = other.getsockname()[1]
        rest = gateway.config_file.read_text().partition("operator_port = 0\n")[2]
        gateway.write_config(f'[server]\nport = {taken}\noperator_port = "x"\nhots = "a"\n{rest}')
        code, told = serve(nursery, gateway)
    assert code == 2, told
    for line, key in ((3, "server.operator_port"), (4, "server.hots")):
        said = [text for text in told.splitlines() if key in text]
        assert any(f"{gateway.config_file}:{line}" in text for text in said), told
    assert str(taken) not in told, "the port was not tried"
    assert not (gateway.data / "gateway.db").exists()


def test_sigterm_lets_a_running_question_end(nursery: Nursery, centre: Centre, tmp_path: Path) -> None:
    """SIGTERM while a question is at the centre: it is answered, then the process ends with exit code 0."""
    centre.behave()
    gateway = ForkedGateway(nursery, tmp_path, centre.url)
    key = gateway.add_client("desk")
    gateway.start()
    centre.slow(1.0)
    before = centre.calls
    nik = centre.niks(1)[0]
    command = [
        "curl", "-s", f"{gateway.url}/v1/residents/lookup", "-H", f"Authorization: Bearer {key}",
        "-H", "Content-Type: application/json", "-d", json.dumps({"nik": nik, "purpose": "pelayanan"}),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        eventually(lambda: centre.calls > before, 5.0, "the question is at the centre")
        gateway.signal(signal.SIGTERM)
        answered = caller.communicate(timeout=60)[0]
    assert json.loads(answered)["resident"]["NIK"] == nik
    assert gateway.wait() == 0
