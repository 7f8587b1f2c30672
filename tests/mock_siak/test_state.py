"""What survives a restart, a kill, and a damaged file; and the mock as a real process."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from gateway.mock_siak import (
    Behaviour,
    MockSettings,
    MockSiak,
    Mode,
    StateError,
    __main__,
    demo_accounts,
    serve,
    start_process,
)
from tests.measuring import quick_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.mock_siak import Addresses, MockProcess
    from tests.mock_siak.conftest import Start

NOON = 1_767_243_600.0


def control(mock: MockProcess, method: str, path: str, body: object = None) -> Any:
    """The document a control request is answered with."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(mock.control_url + path, data, method=method), timeout=5
    ) as answer:
        return json.load(answer)


def ask(mock: MockProcess) -> Any:
    """The answer about the first active resident."""
    account, nik = demo_accounts(3)[0], control(mock, "GET", "/_mock/samples?count=1")["niks"]["active"][0]
    body = {"nik": nik, "user_id": account.user_id, "password": account.password, "ip_user": "localhost"}
    target = f"{mock.url}/dukcapil/get_json/{account.path}/CALL_NIK"
    with urllib.request.urlopen(urllib.request.Request(target, json.dumps(body).encode()), timeout=5) as answer:
        return json.load(answer)


def test_quota_and_behaviour_survive_a_restart(start: Start, tmp_path: Path) -> None:
    """A second mock on the same folder goes on counting and behaving, mid-schedule, where the first one stopped."""
    now = [NOON]
    first = start(state=tmp_path, clock=lambda: now[0])
    first.ask(first.nik())
    first.behave(workers=3, schedule=[{"at": 10, "workers": 4}, {"at": 1_000, "workers": 5}])
    first.close()
    now[0] += 60
    second = start(state=tmp_path, clock=lambda: now[0])
    assert second.mock.behaviour.workers == 4
    assert second.mock.quota.used() == {second.account.key: 1}


def test_yesterdays_quota_is_not_taken_over(start: Start, tmp_path: Path) -> None:
    """Counts of another day are dropped at start."""
    now = [NOON]
    first = start(state=tmp_path, clock=lambda: now[0])
    first.ask(first.nik())
    first.close()
    now[0] += 24 * 3600
    assert start(state=tmp_path, clock=lambda: now[0]).mock.quota.used() == {}


@pytest.mark.parametrize("text", ["", "{}", '{"behaviour": {"mode": "x"}, "put_at": 1, "day": "", "used": {}}'])
def test_a_damaged_state_file_is_an_error(start: Start, tmp_path: Path, text: str) -> None:
    """What cannot be understood is named and left alone, never guessed at."""
    (tmp_path / "mock_siak.json").write_text(text)
    with pytest.raises(StateError, match=r"mock_siak\.json"):
        start(state=tmp_path)
    assert (tmp_path / "mock_siak.json").read_text() == text


def test_a_killed_process_remembers(tmp_path: Path) -> None:
    """After SIGKILL a new process has the behaviour that was acknowledged and the quota stored before the kill."""
    mock = start_process(population=300, seed=3, state=tmp_path)
    ask(mock)
    control(mock, "PUT", "/_mock/behaviour", {"workers": 2})
    assert mock.kill() == -signal.SIGKILL
    with start_process(population=300, seed=3, state=tmp_path) as again:
        assert control(again, "GET", "/_mock/behaviour")["workers"] == 2
        assert list(control(again, "GET", "/_mock/stats")["quota"]["used"].values()) == [1]


def test_a_process_answers_and_stops_within_a_second(tmp_path: Path) -> None:
    """SIGTERM ends it cleanly, held connections and a hanging centre notwithstanding; accounts come from a file."""
    source = tmp_path / "accounts.json"
    source.write_text(json.dumps({"accounts": [{"path": "p", "user_id": "u", "password": "p", "kinds": ["kk"]}]}))

    def stop() -> float:
        mock = start_process(population=300, accounts=source)
        assert [account["path"] for account in control(mock, "GET", "/_mock/samples")["accounts"]] == ["p"]
        control(mock, "PUT", "/_mock/behaviour", {"mode": "hang"})
        assert mock.pid > 0
        began = time.monotonic()
        assert mock.stop() == 0
        return time.monotonic() - began

    quick_once(stop, 1.0)


def test_ctrl_c_stops_it_too() -> None:
    """SIGINT is a clean end as well, and the context manager has nothing left to do."""
    with start_process(population=300, seed=3) as mock:
        assert ask(mock)["quotaLimiter"] == demo_accounts(3)[0].daily_allowance - 1
        mock._child.send_signal(signal.SIGINT)
        assert mock._wait() == 0


def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    """A missing accounts file ends the process with 2 and one line; start_process raises."""
    command = [sys.executable, "-m", "gateway.mock_siak", "--accounts", str(tmp_path / "none.json")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("mock_siak: ")
    assert "none.json" in ended.stderr
    with pytest.raises(RuntimeError, match="code 2"):
        start_process(accounts=tmp_path / "none.json")


@pytest.fixture
def default_logs() -> Iterator[None]:
    """Puts structlog back as it was."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("default_logs")
@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--population", "0"], ["--time-zone", "Nowhere"]])
def test_senseless_settings_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A port no socket has, a country without people and an unknown zone are told in one line."""
    assert __main__.main(arguments) == 2
    assert capsys.readouterr().err.startswith("mock_siak: ")


def test_serve_tells_its_addresses_and_stops_on_demand() -> None:
    """`ready` hears both URLs once they answer; setting `stop` ends it and closes the ports."""

    async def scene() -> Addresses:
        told: list[Addresses] = []
        stop = asyncio.Event()

        def ready(addresses: Addresses) -> None:
            told.append(addresses)
            stop.set()

        await serve(MockSettings(population=10), ready=ready, stop=stop)
        return told[0]

    addresses = asyncio.run(scene())
    with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
        probe.connect(("127.0.0.1", int(addresses.control_url.rpartition(":")[2])))


def test_a_behaviour_may_be_set_before_the_start() -> None:
    """What is set on a mock that has no ports yet holds as soon as it has; the standard event loop will do."""

    async def scene() -> None:
        mock = MockSiak(MockSettings(population=10))
        await mock.set_behaviour(Behaviour(mode=Mode.REFUSE))
        addresses = await mock.start()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", int(addresses.url.rpartition(":")[2]))
        await mock.set_behaviour(Behaviour())
        _, writer = await asyncio.open_connection("127.0.0.1", int(addresses.url.rpartition(":")[2]))
        writer.close()
        await mock.stop()

    asyncio.run(scene())


def test_a_mock_that_never_started_can_be_stopped(start: Start) -> None:
    """Stopping twice, or before the start, does no harm and writes nothing."""
    rig = start()
    rig.run(rig.mock.stop())
    rig.run(rig.mock.stop())
    rig.run(MockSiak(MockSettings(population=10)).stop())


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_other_addresses(start: Start) -> None:
    """It listens on IPv6 and on every address; its URL is one a client can use, choked or not."""
    hosts = [("0.0.0.0", "http://127.0.0.1:")] + [("::1", "http://[::1]:")] * has_ipv6()
    for host, shown in hosts:
        rig = start(host=host)
        assert rig.addresses.url.startswith(shown)
        rig.behave(mode="down")
        with pytest.raises(TimeoutError):
            rig.client(0.2)
        rig.behave(mode="up")
        assert rig.ask(rig.nik())["totalElements"] == 1
