"""The gateway process that tests and benchmarks start: what it promises to them."""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from gateway.mock_siak import demo_accounts
from gateway.settings.loading import loads
from gateway.testing.processes import SEED, GatewayProcess, demo_rights, right_of
from tests.http.rig import LOOKUP

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.mock_siak import MockProcess


def test_it_survives_a_kill_in_the_same_folder(tmp_path: Path, mock_process: MockProcess) -> None:
    """Started again after a power cut it knows its clients and answers from what was cached."""
    gateway = GatewayProcess(tmp_path, mock_process.url, config='[log]\nformat = "json"\n')
    with gateway:
        key = gateway.add_client("desk")
        nik = "3527012904900001"
        status, headers, problem = gateway.post("/v1/residents/lookup", {"nik": nik, "purpose": "pelayanan"}, key=key)
        assert (status, problem["code"], headers["x-request-id"]) == (404, "not_found", problem["request_id"])
        assert "gateway.started" in gateway.wait_for_log("gateway.started")
        assert gateway.kill() == -signal.SIGKILL
        gateway.start()
        assert gateway.get("/v1/services", key=key)[0] == 200
        with pytest.raises(TimeoutError, match="'never' is not in the log"):
            gateway.wait_for_log("never", 0.01)
    assert gateway.wait() == 0


def test_half_sent_requests_do_not_hold_up_its_end(tmp_path: Path, mock_process: MockProcess) -> None:
    """With half a head on each listener and half a body it ends within 5 s of SIGTERM, in order."""
    quick = "[server]\nport = 0\noperator_port = 0\ndrain = 0.5\n"
    gateway = GatewayProcess(tmp_path, mock_process.url, config=quick).start()
    key = gateway.add_client("desk")
    body = f"POST {LOOKUP} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    halves = [
        (gateway.url, "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Half"),
        (gateway.operator, "GET /metrics HTTP/1.1\r\nX-Half"),
        (gateway.url, body + 'Content-Length: 50\r\n\r\n{"nik'),
    ]
    with ExitStack() as open_:
        for url, half in halves:
            place = urlsplit(url)
            sock = open_.enter_context(socket.create_connection((place.hostname or "", place.port or 0)))
            sock.sendall(half.encode())
        assert gateway.get("/health/live")[0] == 200
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(5.0) == 0
    assert "gateway.stopped" in gateway.log()
    assert "Traceback" not in gateway.log()
    assert "panicked" not in gateway.log()


def test_one_that_cannot_start_tells_why(tmp_path: Path) -> None:
    """The end of its log is in the error; what was never started has no pid and no end."""
    gateway = GatewayProcess(tmp_path, "http://127.0.0.1:9", environ={"SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD": ""})
    assert gateway.log() == ""
    with pytest.raises(RuntimeError, match="was not started"):
        gateway.wait()
    with pytest.raises(RuntimeError, match="was not started"):
        gateway.signal(signal.SIGTERM)
    with pytest.raises(RuntimeError, match="SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD"):
        gateway.start()


def test_rights_are_written_from_the_mocks_accounts() -> None:
    """Every demonstration account becomes a right that a config takes; an allowance is added where wanted."""
    accounts = {account.user_id: account for account in demo_accounts(SEED)}
    settings = loads(demo_rights({user: user for user in accounts}), None, {})
    assert settings.rights.keys() == accounts.keys()
    assert settings.rights["rsud_sampang"].door == "ws_server"
    assert settings.rights["dpmptsp"].granted() == set(accounts["dpmptsp"].fields or ())
    limited = loads(right_of(accounts["dpmptsp"], "few", allowance=7), None, {})
    assert limited.rights["few"].daily_allowance == 7
