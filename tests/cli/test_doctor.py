"""`siak-gateway doctor` and `keys`: one line per thing, with its cure."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.trial_environment import FILE, exports
from gateway.mock_siak import start_process
from gateway.testing.processes import GatewayProcess
from gateway.vault.keys import create_secrets, environment_of

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from gateway.mock_siak import MockProcess

CONFIG = """
[centre]
url = "{url}"
[data]
folder = "{folder}"
[rights.sampang]
title = "Dinas"
user_id = "dukcapil_sampang"
fields = "all"
purposes = ["pelayanan"]
services = {{ biodata = "35-27/dukcapil_sampang_3527/CALL_NIK" }}
"""


def doctor(folder: Path, url: str, more: str = "", **environ: str) -> tuple[Result, dict[str, list[dict[str, str]]]]:
    """Run it on a config; the findings by subject."""
    config = folder / "gateway.toml"
    config.write_text(CONFIG.format(url=url, folder=folder / "data") + more, encoding="utf-8")
    result = CliRunner().invoke(main, ["doctor", "--json", "--config", str(config)], env=environ)
    by_subject: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(result.stdout):
        by_subject.setdefault(finding["subject"], []).append(finding)
    return result, by_subject


def verdicts(findings: list[dict[str, str]]) -> list[str]:
    """Their verdicts."""
    return [finding["verdict"] for finding in findings]


def nowhere() -> str:
    """A URL at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_new_machine_is_told_what_is_missing(tmp_path: Path) -> None:
    """Before the first start: no keys, no database, no password, no centre; each with a cure, exit 1."""
    result, found = doctor(tmp_path, nowhere())
    assert result.exit_code == 1
    assert verdicts(found["keys"]) == verdicts(found["database"]) == verdicts(found["centre"]) == ["warn"]
    assert verdicts(found["rights"]) == ["bad"]
    assert "SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD" in found["rights"][0]["text"]
    assert all(one["cure"] for findings in found.values() for one in findings if one["verdict"] != "ok")


def test_a_gateway_that_ran_is_well(tmp_path: Path) -> None:
    """After a start everything is in order but what an admin has to add: keys elsewhere, a second copy, a backup."""
    with start_process(population=100) as mock, GatewayProcess(tmp_path, mock.url):
        result, found = doctor(tmp_path, mock.url, SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD="x")
    assert result.exit_code == 0, result.stdout
    assert verdicts(found["keys"]) == ["ok", "warn"]
    assert [verdicts(found[subject]) for subject in ("copies", "backup")] == [["warn"], ["warn"]]
    added = {"keys", "copies", "backup"}
    everything = [one for subject, findings in found.items() if subject not in added for one in findings]
    assert verdicts(everything) == ["ok"] * len(everything)


def test_few_files_are_told(tmp_path: Path) -> None:
    """Where the hard limit of open files is low, doctor says how many connections that leaves and how to raise it."""
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG.format(url=nowhere(), folder=tmp_path / "data"), encoding="utf-8")
    command = ["/bin/sh", "-c", 'ulimit -n 1024; exec "$0" -m gateway doctor --json --config "$1"']
    told = subprocess.run([*command, sys.executable, str(config)], capture_output=True, check=False)
    [found] = [one for one in json.loads(told.stdout) if one["subject"] == "files"]
    assert (found["verdict"], "1024 files" in found["text"], "LimitNOFILE" in found["cure"]) == ("warn", True, True)


def test_a_trials_secrets_are_found_where_it_keeps_them(tmp_path: Path, mock_process: MockProcess) -> None:
    """With the file that `run` writes nothing is bad; a variable set beside it counts first; junk in it is nothing."""
    secrets = tmp_path / "data/secrets"
    create_secrets(secrets)
    (secrets / "of a centre").write_text("x\n")
    (secrets / "of a centre").chmod(0o600)
    named = {"SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD_FILE": str(secrets / "of a centre"), "OTHER_FILE": "/x"}
    (secrets / FILE).write_text(exports({**environment_of(secrets), **named}))
    _result, found = doctor(tmp_path, mock_process.url)
    assert verdicts(found["rights"]) == verdicts(found["trial"]) == ["ok"]
    assert str(secrets / FILE) in found["trial"][0]["text"]
    _result, found = doctor(tmp_path, mock_process.url, SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD_FILE="/nowhere")
    assert verdicts(found["rights"]) == ["bad"]
    (secrets / FILE).write_text("export 'never closed\n")
    _result, found = doctor(tmp_path, mock_process.url)
    assert verdicts(found["rights"]) == ["bad"]
    assert "trial" not in found


def test_keys_in_the_environment_are_looked_at_where_they_are(tmp_path: Path, mock_process: MockProcess) -> None:
    """Keys given as values share no disk with anything; a wrong one is bad."""
    value = "0f" * 32
    names = {f"SIAK_GATEWAY_SECRET_{name}": value for name in ("MASTER_1", "INDEX", "PEPPER")}
    _result, found = doctor(tmp_path, mock_process.url, **names)
    assert verdicts(found["keys"]) == ["ok"]
    _result, found = doctor(tmp_path, mock_process.url, **names | {"SIAK_GATEWAY_SECRET_INDEX": "short"})
    assert verdicts(found["keys"]) == ["bad"]
    assert "short" not in found["keys"][0]["text"]


def test_extensions_and_databases_that_are_not_there_are_bad(tmp_path: Path) -> None:
    """An extension that is not installed and a database that does not answer are named; no password is shown."""
    more = '[plugins]\nenabled = ["metrics", "not_there"]\n[database]\nurl_env = "OUR_DB"\n'
    address = "postgresql://user:marked-password@127.0.0.1:9/none"
    result, found = doctor(tmp_path, "http://10.255.255.1:1", more, OUR_DB=address)
    assert verdicts(found["extension"]) == ["ok", "bad"]
    assert verdicts(found["database"]) == ["bad"]
    assert "marked-password" not in result.stdout


def test_the_text_form_has_one_line_per_finding(tmp_path: Path) -> None:
    """People read verdict, subject, text and cure on one line."""
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG.format(url=nowhere(), folder=tmp_path / "data"), encoding="utf-8")
    lines = CliRunner().invoke(main, ["doctor", "--config", str(config)]).stdout.splitlines()
    assert lines[0].startswith("ok   config")
    assert any(line.startswith("BAD  rights") and "Cure: set the variable" in line for line in lines)


@pytest.mark.parametrize("again", [False, True])
def test_keys_are_made_once_and_rotated_by_command(tmp_path: Path, again: bool) -> None:  # noqa: FBT001 # a column
    """`make` never replaces a key, `rotate` adds a master beside the old one."""
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG.format(url=nowhere(), folder=tmp_path / "data"), encoding="utf-8")
    runner = CliRunner()
    first = runner.invoke(main, ["keys", "make", "--config", str(config)])
    assert first.stdout.count("made:") == 5
    before = (tmp_path / "data/secrets/master-1.key").read_text()
    command = "make" if again else "rotate"
    second = runner.invoke(main, ["keys", command, "--config", str(config)])
    assert second.exit_code == 0
    assert ("All secrets are there" in second.stdout) is again
    assert (tmp_path / "data/secrets/master-2.key").exists() is not again
    assert (tmp_path / "data/secrets/master-1.key").read_text() == before


def test_rotating_before_there_is_a_key_is_refused(tmp_path: Path) -> None:
    """One line, exit 1."""
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG.format(url=nowhere(), folder=tmp_path / "data"), encoding="utf-8")
    result = CliRunner().invoke(main, ["keys", "rotate", "--config", str(config)])
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
