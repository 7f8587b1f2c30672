"""`serve` with files that cannot be used: one line that names them, no traceback, nothing left running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.http.server import CertificateUnusable, Listener

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Desk

PORTS = "[server]\nport = 0\noperator_port = 0\n"


@pytest.mark.parametrize("engine", ["granian", "uvicorn"])
@pytest.mark.parametrize("content", [None, "no certificate\n"], ids=["missing", "junk"])
def test_a_certificate_that_cannot_be_used_is_named(desk: Desk, engine: str, content: str | None) -> None:
    """Whatever the engine, the start ends with exit code 2 and a line that names key and file; no port opens."""
    chain, key = desk.folder / "chain.pem", desk.folder / "key.pem"
    for file in (chain, key):
        if content is not None:
            file.write_text(content, encoding="utf-8")
    desk.file.write_text(f'{PORTS}engine = "{engine}"\ntls_cert = "{chain}"\ntls_key = "{key}"\n', encoding="utf-8")
    ended = desk.run("serve")
    assert ended.exit_code == 2, ended.output
    assert f"server.tls_cert {chain}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (desk.folder / "var" / "addresses.json").exists()


def test_an_authority_that_cannot_be_read_is_named(desk: Desk) -> None:
    """`centre.ca_file` that is not there ends the start with exit code 1 and a line that names key and file."""
    gone = desk.folder / "authority.pem"
    desk.file.write_text(f'{PORTS}[centre]\nurl = "https://centre.invalid"\nca_file = "{gone}"\n', encoding="utf-8")
    ended = desk.run("serve")
    assert ended.exit_code == 1, ended.output
    assert f"{gone}: centre.ca_file cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_data_folder_that_cannot_be_made_is_named(desk: Desk) -> None:
    """A file that stands where the data folder should be is one line and exit code 1."""
    (desk.folder / "var").write_text("in the way", encoding="utf-8")
    desk.file.write_text(PORTS, encoding="utf-8")
    ended = desk.run("serve")
    assert ended.exit_code == 1, ended.output
    assert str(desk.folder / "var") in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_port_is_bound_for_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    """The listener looks at its files before it takes the port."""
    with pytest.raises(CertificateUnusable):
        Listener(print, "127.0.0.1", 0, tls=(tmp_path / "a.pem", tmp_path / "b.pem"))


def test_a_damaged_database_is_named_with_its_cure(desk: Desk) -> None:
    """One line with file, cause and cure, exit 1, from the gateway and from commands."""
    folder = desk.folder / "var"
    folder.mkdir(mode=0o700)
    file = folder / "gateway.db"
    file.write_bytes(b"no database at all\n" * 400)
    file.chmod(0o600)
    desk.file.write_text(PORTS, encoding="utf-8")
    for command in (("serve",), ("clients", "list")):
        result = desk.run(*command)
        assert result.exit_code == 1, result.output
        told = result.stderr.splitlines()[-1]
        assert told.startswith(f"{file}: is damaged, or no SQLite database; cure: put it back from its backup")
