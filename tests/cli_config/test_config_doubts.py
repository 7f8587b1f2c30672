"""`config check` on what is allowed and most likely not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from gateway.cli import main

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = """
[rights.{name}]
title = "Dinas"
user_id = "dinas"
fields = "all"
purposes = ["pelayanan"]
services = {{ biodata = "dinas/CALL_NIK" }}
"""


def warnings_of(folder: Path, text: str) -> list[str]:
    """The warnings on a config that is right."""
    file = folder / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["config", "check", "--config", str(file)])
    assert result.exit_code == 0, result.output
    assert " is right. rights: " in result.stdout
    return result.stderr.splitlines()


def test_an_empty_config_is_right_but_warned_of(tmp_path: Path) -> None:
    """Without a right nothing can be asked; with one there is nothing to say."""
    assert [line.partition(",")[0] for line in warnings_of(tmp_path, "")] == ["warning: no right is configured"]
    assert warnings_of(tmp_path, RIGHT.format(name="one")) == []


def test_two_rights_of_one_account_are_warned_of(tmp_path: Path) -> None:
    """The second is named together with the first; another account is none of it."""
    text = "".join(RIGHT.format(name=name) for name in ("one", "two", "three"))
    told = warnings_of(tmp_path, text.replace('user_id = "dinas"', 'user_id = "other"', 1))
    assert [line.partition(";")[0] for line in told] == ["warning: rights.three: has the same user_id as rights.two"]
