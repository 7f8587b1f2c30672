"""The gateway process that tests and benchmarks start: what it promises to them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from gateway.mock_siak import demo_accounts
from gateway.settings.loading import loads
from gateway.testing.processes import SEED, GatewayProcess, demo_rights, right_of

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
