"""The server that tests start for themselves: found where it is installed, and gone without a trace afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.testing.postgres import PostgresMissing, PostgresServer, binaries


def command_line(process: int) -> bytes:
    """What a process runs; empty once it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres_server")
def test_it_leaves_nothing_behind() -> None:
    """After the context ends the server's folder and process are gone."""
    with PostgresServer() as server:
        folder = server._folder
        number = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        assert command_line(number)
    assert not folder.exists()
    assert not command_line(number)


def test_the_newest_server_is_found_off_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian keeps servers off the PATH, one folder for each version: the newest is taken."""
    monkeypatch.setenv("PATH", "")
    for version in ("9", "15", "13"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    assert binaries(tmp_path) == tmp_path / "15" / "bin"


def test_a_missing_server_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no server the error says what to install."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PostgresMissing, match="install the package postgresql"):
        binaries(tmp_path)


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres_server")
def test_a_start_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    """If the server cannot be made its folder is removed and the failure is seen."""
    server = PostgresServer()
    server._binaries = tmp_path
    with pytest.raises(OSError, match="initdb"):
        server.__enter__()
    assert not server._folder.exists()
