"""Secrets come from a variable or from the file another variable names, and from nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.settings import SecretMissing, load, secret

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "hunter2"


def test_a_variable_holds_a_secret() -> None:
    """The variable itself is read first."""
    assert secret("NAME", {"NAME": VALUE}) == VALUE


def test_a_file_holds_a_secret_with_one_line_end(tmp_path: Path) -> None:
    """One line end is cut off; what belongs to the secret stays."""
    file = tmp_path / "secret"
    file.write_bytes(b" hunter2 \r\n")
    assert secret("NAME", {"NAME_FILE": str(file)}) == " hunter2 "


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "set NAME, or NAME_FILE"),
        ({"NAME": ""}, "is empty"),
        ({"NAME": VALUE, "NAME_FILE": "/x"}, "both NAME and NAME_FILE"),
        ({"NAME_FILE": "/nowhere/at/all"}, "cannot be read: No such file"),
    ],
)
def test_an_absent_secret_is_told_by_name(environ: dict[str, str], told: str) -> None:
    """The error says which variable to set, and shows no value."""
    with pytest.raises(SecretMissing, match=told) as caught:
        secret("NAME", environ)
    assert VALUE not in str(caught.value)


def test_a_file_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    """Neither binary nor huge files are taken for secrets."""
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SecretMissing, match="not UTF-8"):
        secret("NAME", {"NAME_FILE": str(file)})
    file.write_bytes(b"x" * 70_000)
    with pytest.raises(SecretMissing, match="larger"):
        secret("NAME", {"NAME_FILE": str(file)})


def test_a_right_has_its_own_variable_or_the_one_it_names(tmp_path: Path) -> None:
    """The password of a right is looked up under SIAK_GATEWAY_SECRET_<NAME>_PASSWORD unless it names another."""
    right = '[rights.{}]\ntitle="T"\nuser_id="u"\nfields="all"\npurposes=["pelayanan"]\nservices={{biodata="a/B"}}\n'
    file = tmp_path / "gateway.toml"
    file.write_text(right.format("dinas") + right.format("rsud") + 'password_env = "RSUD"\n')
    settings = load(file, {})
    assert settings.password("dinas", {"SIAK_GATEWAY_SECRET_DINAS_PASSWORD": "one"}) == "one"
    assert settings.password("rsud", {"RSUD": "two"}) == "two"


def test_the_database_address_comes_from_where_the_config_says(tmp_path: Path) -> None:
    """An address with a password is read from a variable or a file."""
    config, pointed = tmp_path / "gateway.toml", tmp_path / "url"
    config.write_text('[database]\nurl_env = "DATABASE_URL"\n')
    pointed.write_text("postgresql://u:p@h/db\n")
    assert load(config, {}).database_url({"DATABASE_URL": "postgresql://h/db"}) == "postgresql://h/db"
    assert load(config, {}).database_url({"DATABASE_URL_FILE": str(pointed)}) == "postgresql://u:p@h/db"
    config.write_text(f'[database]\nurl_file = "{pointed}"\n[secrets]\nfolder = "{tmp_path}"\n')
    settings = load(config, {})
    assert settings.database_url({}) == "postgresql://u:p@h/db"
    assert settings.secrets_folder == tmp_path
    config.write_text('[database]\nurl = "postgresql://u@h/db"\n')
    assert load(config, {}).database_url({}) == "postgresql://u@h/db"
