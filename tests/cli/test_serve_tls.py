"""`serve --tls-cert --tls-key`: the options stand in for the config's keys, and are checked as these are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from gateway.cli.serve import serve

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_options_are_the_configs_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without the other is refused before any port opens, and so are files that are no certificate."""
    for variable in ("SIAK_GATEWAY_TLS_CERT", "SIAK_GATEWAY_TLS_KEY"):
        monkeypatch.setenv(variable, "")  # restored after the test, whatever the command sets
    monkeypatch.setenv("SIAK_GATEWAY_VAR", str(tmp_path / "var"))
    file, chain = tmp_path / "gateway.toml", tmp_path / "chain.pem"
    file.write_text("[server]\nport = 0\noperator_port = 0\n", encoding="utf-8")
    chain.write_text("no certificate", encoding="utf-8")
    ended = CliRunner().invoke(serve, ["--config", str(file), "--tls-cert", str(chain)])
    assert ended.exit_code == 2
    assert "SIAK_GATEWAY_TLS_CERT: stands without tls_key" in ended.output
