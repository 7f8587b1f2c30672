"""Commands that run until they are told to stop: serve, mock-siak, run; and migrate, which prepares them."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.run import End
from gateway.cli.trial import Trial, TrialFailed
from gateway.mock_siak.accounts import demo_password
from gateway.settings import load
from gateway.testing.processes import SEED
from tests.http.rig import LOOKUP, ask
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.cli.conftest import Desk

SLOWEST = 25.0


def told_to_stop(
    desk: Desk, *arguments: str, when: Callable[[], bool], config: bool = True, by: int = signal.SIGTERM
) -> Result:
    """Run a command here and signal this process once a condition holds."""

    def watch() -> None:
        deadline = time.monotonic() + SLOWEST
        try:
            while not ended.is_set() and not when() and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            if not ended.is_set():
                os.kill(os.getpid(), by)

    ended = Event()
    watcher = Thread(target=watch)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    watcher.start()
    try:
        return desk.run(*arguments, config=config)
    finally:
        ended.set()
        watcher.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def free_port() -> str:
    """A port nobody has, of those the system gives to nobody who leaves the choice to it, so that it stays free."""
    lowest_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    while True:
        port = lowest_given // 2 + secrets.randbelow(lowest_given // 2)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return str(port)


def is_ready(var: Path) -> bool:
    """Whether a gateway says it is ready."""
    try:
        url = json.loads((var / "addresses.json").read_text())["gateway"]
        return ask(url, "GET", "/health/ready").status == 200
    except (OSError, ValueError):
        return False


def answers(url: str) -> bool:
    """Whether anybody answers there."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def test_serve_runs_until_it_is_told_to_stop(desk: Desk) -> None:
    """It serves, and ends with 0 on SIGTERM."""
    os.environ["SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD"] = demo_password(SEED, "dukcapil_sampang")
    os.environ["SIAK_GATEWAY_CENTRE_URL"] = "http://127.0.0.1:9"
    result = told_to_stop(desk, "serve", when=lambda: is_ready(desk.folder / "var"))
    assert result.exit_code == 0, result.output


def test_serve_tells_what_is_missing(desk: Desk) -> None:
    """A missing password is exit 2, a taken port exit 1, each in one line."""
    result = desk.run("serve")
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (2, 1)
    assert "SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD" in result.stderr
    os.environ["SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD"] = "x"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        os.environ["SIAK_GATEWAY_PORT"] = str(taken.getsockname()[1])
        result = desk.run("serve")
    assert result.exit_code == 1, result.output
    told = result.stderr.splitlines()[-1]
    assert f"cannot listen on 127.0.0.1:{os.environ['SIAK_GATEWAY_PORT']}" in told
    assert "SIAK_GATEWAY_PORT or server.port" in told


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_mock_siak_runs_until_it_is_told_to_stop(desk: Desk, by: signal.Signals) -> None:
    """It says where it is, answers there, keeps its state, and ends with 0."""
    port = free_port()
    result = told_to_stop(
        desk, "mock-siak", "--port", "0", "--control-port", port, "--population", "100",
        "--state", str(desk.folder / "state"), config=False, by=by,
        when=lambda: answers(f"http://127.0.0.1:{port}/_mock/stats"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"control       http://127.0.0.1:{port}" in result.stdout
    assert any((desk.folder / "state").iterdir())


def test_mock_siak_tells_what_is_wrong(desk: Desk) -> None:
    """A taken port and a wrong file of accounts are one line and exit 1; a wrong option is 2."""
    accounts = desk.folder / "accounts.toml"
    accounts.write_text("accounts = 1\n", encoding="utf-8")
    few = ("mock-siak", "--port", "0", "--control-port", "0", "--population", "100")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for more in (("--control-port", port), ("--accounts", str(accounts)), ("--port", "70000")):
            result = desk.run(*few, *more, config=False)
            assert result.exit_code == 1, result.output
            assert result.stderr.startswith("mock-siak: ")
            assert "Traceback" not in result.stderr
    assert desk.run("mock-siak", "--population", "1", config=False).exit_code == 2


def test_migrate_brings_the_database_to_this_version(desk: Desk) -> None:
    """`--check` says what is pending with exit 1, `migrate` applies it, and then nothing is left."""
    pending = desk.run("migrate", "--check")
    assert pending.exit_code == 1, pending.output
    assert pending.stdout.startswith("pending: core:")
    applied = desk.run("migrate")
    assert (applied.exit_code, applied.stdout) == (0, pending.stdout.replace("pending", "applied"))
    assert desk.run("migrate").stdout == desk.run("migrate", "--check").stdout == "The database is up to date.\n"


@pytest.fixture
def ports() -> dict[str, str]:
    """Free ports for a trial, set in the environment."""
    names = ("SIAK_MOCK_PORT", "SIAK_MOCK_CONTROL_PORT")
    os.environ.update({name: free_port() for name in names})
    return {name: os.environ[name] for name in names}


def facts_of(desk: Desk) -> dict[str, Any]:
    """What the trial wrote for scripts."""
    file = desk.folder / "var" / "demo.json"
    facts: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return facts


@pytest.mark.usefixtures("ports")
def test_run_shows_what_to_try_and_keeps_its_keys(desk: Desk) -> None:
    """Both processes run until Ctrl-C; the keys shown work, and the next run shows the same ones."""
    outputs, keys = [], []
    for by in (signal.SIGINT, signal.SIGTERM):
        heard: list[int] = []

        def works(heard: list[int] = heard) -> bool:
            facts = facts_of(desk)
            if not is_ready(desk.folder / "var") or not answers(f"{facts.get('gateway')}/health/live"):
                return False
            body = json.dumps({"nik": facts["sample_niks"][0], "purpose": "pelayanan"}).encode()
            given = {"Content-Type": "application/json"}
            heard.append(ask(facts["gateway"], "POST", LOOKUP, body, given, key=facts["clients"][0]["key"]).status)
            return True

        result = told_to_stop(desk, "run", "--population", "300", when=works, by=by)
        assert result.exit_code == 0, result.output
        assert heard == [200]
        outputs.append(result.stdout)
        keys.append([one.get("key") or one["password"] for one in facts_of(desk)["clients"] + facts_of(desk)["people"]])
    assert keys[0] == keys[1]
    assert [one["user_name"] for one in facts_of(desk)["people"]] == ["demo-admin", "demo-desa"]
    assert all(key in output for key in keys[0] for output in outputs)
    assert "Stopping ..." in outputs[0]
    assert re.search(r"kill -HUP [1-9]\d+ ", outputs[0])
    assert f". {desk.folder / 'var/secrets/environment'}" in outputs[0]
    assert desk.run("doctor").exit_code == 0, desk.run("doctor").output
    assert (desk.folder / "var" / "demo.json").stat().st_mode & 0o777 == 0o600
    assert {one["village"] for one in facts_of(desk)["clients"]} == {None, "3527032001"}


@pytest.mark.usefixtures("ports")
def test_run_serves_programs_that_changed_a_host_name(desk: Desk) -> None:
    """With its old credentials it gets the mock's bytes from the gateway, also after a restart, with the same key."""
    program = '[adapters.dukcapil_ws.clients.desa]\npath = "{}"\nuser_id = "{}"\n'
    desk.file.write_text(
        desk.file.read_text()
        + '[adapters]\nenabled = ["dukcapil_ws"]\n'
        + program.format("35-27/dukcapil_sampang_3527", "dukcapil_sampang")
        + program.format("entah", "tidak_dikenal").replace(".desa", ".asing")
    )
    keys = []
    for _ in range(2):
        trial = Trial(load(desk.file, os.environ), desk.file, 300, os.environ)
        try:
            trial.start(lambda _text: None)
            facts = trial.facts
            account = next(one for one in facts["ws_accounts"] if one["user_id"] == "dukcapil_sampang")
            given = {name: account[name] for name in ("user_id", "password", "ip_user")}
            body = json.dumps({"nik": facts["sample_niks"][0], **given}).encode()
            path = f"/dukcapil/get_json/{account['path']}/CALL_NIK"
            ours, theirs = (ask(facts[place], "POST", path, body).json for place in ("gateway", "mock"))
            assert ours["content"] == theirs["content"]
            assert ours["content"][0]["NIK"] == int(facts["sample_niks"][0])
        finally:
            trial.stop()
        keys += [one["key"] for one in facts["clients"] if one["adapter"] == "dukcapil_ws"]
        assert keys[0] not in trial.things_to_try()
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert "SIAK_GATEWAY_SECRET_DUKCAPIL_WS_DESA_KEY_FILE" in (desk.folder / "var/secrets/environment").read_text()


@pytest.mark.usefixtures("ports")
def test_run_renews_keys_that_are_gone(desk: Desk) -> None:
    """A demo client without a usable key gets a new one; one that was revoked is made anew."""
    os.environ["SIAK_GATEWAY_CENTRE_URL"] = ""
    trial = Trial(load(desk.file, os.environ), desk.file, 300, os.environ)
    trial._make_secrets()
    first = {one["name"]: one["key"] for one in trial._demo_clients()}
    (desk.folder / "var" / "demo.json").write_text(json.dumps({"clients": [{"name": "demo-desa", "key": "nonsense"}]}))
    second = {one["name"]: one["key"] for one in trial._demo_clients()}
    assert first.keys() == second.keys() == {"demo-sampang", "demo-desa"}
    assert not set(first.values()) & set(second.values())
    (desk.folder / "var" / "demo.json").write_text("[1]")
    assert {one["name"] for one in trial._demo_clients()} == set(first)


def test_run_tells_a_taken_port(desk: Desk, ports: dict[str, str]) -> None:
    """Without its ports nothing is left running, and the reason is one line."""
    with socket.create_server(("127.0.0.1", int(ports["SIAK_MOCK_CONTROL_PORT"]))):
        result = desk.run("run", "--population", "300")
    assert result.exit_code == 1, result.output
    told = result.stderr.splitlines()[-1]
    assert told.startswith("The mock centre did not start")
    assert f"{ports['SIAK_MOCK_CONTROL_PORT']} taken? Others are set with SIAK_MOCK_PORT" in told
    assert not answers(f"http://127.0.0.1:{ports['SIAK_MOCK_PORT']}/")


@pytest.mark.parametrize(("port", "told"), [("abc", "SIAK_MOCK_PORT must be"), ("70000", "did not start")])
def test_run_tells_a_port_that_is_none(desk: Desk, port: str, told: str) -> None:
    """A variable that is no port number is one line, not a traceback."""
    os.environ["SIAK_MOCK_PORT"] = port
    os.environ["SIAK_MOCK_CONTROL_PORT"] = "0"
    result = desk.run("run", "--population", "300")
    assert result.exit_code == 1, result.output
    assert told in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("ports")
def test_run_ends_when_the_gateway_cannot_start(desk: Desk, ports: dict[str, str]) -> None:
    """If the gateway's own port is taken the mock is stopped again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        os.environ["SIAK_GATEWAY_PORT"] = str(taken.getsockname()[1])
        result = desk.run("run", "--population", "300")
    assert result.exit_code == 1, result.output
    assert "The gateway ended before it was ready" in result.stderr
    assert not answers(f"http://127.0.0.1:{ports['SIAK_MOCK_CONTROL_PORT']}/_mock/stats")


@pytest.mark.usefixtures("ports")
def test_run_notices_a_process_that_ends(desk: Desk) -> None:
    """Whichever of the two ends by itself is named, and the other one is stopped."""
    for wanted in ("The gateway", "The mock centre"):
        trial = Trial(load(desk.file, os.environ), desk.file, 300, os.environ)
        try:
            trial.start(lambda _text: None)
            gateway, mock = trial._gateway, trial._mock
            assert gateway is not None
            assert mock is not None
            os.kill(gateway.pid if wanted == "The gateway" else mock.pid, signal.SIGKILL)
            assert trial.wait(lambda: False) == wanted
        finally:
            trial.stop()


def test_an_end_whose_exception_was_lost_is_seen_while_waiting(desk: Desk) -> None:
    """The first signal breaks off what goes on and is remembered; later ones break off nothing."""
    end = End()
    with pytest.raises(KeyboardInterrupt):
        end(signal.SIGTERM, None)
    end(signal.SIGINT, None)
    trial = Trial(load(desk.file, os.environ), desk.file, 300, os.environ)
    with pytest.raises(KeyboardInterrupt):
        trial.wait(lambda: end.is_asked)


@pytest.mark.usefixtures("ports")
def test_run_tells_which_process_ended(desk: Desk) -> None:
    """If the gateway ends by itself, `run` says so, stops the mock and fails."""

    def killed() -> bool:
        try:
            pid = int((desk.folder / "var" / "gateway.pid").read_text())
        except (OSError, ValueError):
            return False
        if facts_of(desk):
            os.kill(pid, signal.SIGKILL)
        return bool(facts_of(desk))

    def watch() -> None:
        eventually(killed, SLOWEST)

    watcher = Thread(target=watch)
    before = signal.getsignal(signal.SIGTERM)
    watcher.start()
    try:
        result = desk.run("run", "--population", "300")
    finally:
        watcher.join()
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == 1, result.output
    assert "The gateway ended by itself; stopping the other." in result.stderr


@pytest.mark.usefixtures("ports")
def test_a_gateway_that_does_not_stop_is_killed(desk: Desk) -> None:
    """A trial ends within its time even if its gateway hears no signal any more; known passwords are left alone."""
    os.environ["SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD"] = "own"
    trial = Trial(load(desk.file, os.environ), desk.file, 300, os.environ)
    try:
        trial.start(lambda _text: None)
        gateway = trial._gateway
        assert gateway is not None
        os.kill(gateway.pid, signal.SIGSTOP)
    finally:
        trial.stop()
    assert gateway.returncode == -signal.SIGKILL
    assert not (desk.folder / "var" / "secrets" / "centre-sampang.password").exists()


def test_a_trial_without_its_mock_says_so(desk: Desk) -> None:
    """Addresses are known only while the mock runs; stopping what was never started does nothing."""
    trial = Trial(load(desk.file, os.environ), None, 300, os.environ)
    with pytest.raises(TrialFailed):
        trial._urls()
    assert trial._samples() == {}
    trial.stop()
