"""Files and names are made durable in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

import gateway
from gateway.durable import sync_file, sync_folder

ROOT = Path(gateway.__file__).parent


def test_only_one_module_opens_folders_to_sync_them() -> None:
    """`gateway.durable` is the one place; nobody writes it a second time."""
    openers = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if "O_DIRECTORY" in path.read_text()}
    assert openers == {"durable.py"}


def test_what_is_not_there_cannot_be_made_durable(tmp_path: Path) -> None:
    """A missing file or folder, and a file in place of a folder, are told; nothing is made."""
    there = tmp_path / "there"
    there.touch()
    sync_file(there)
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_file(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")
    with pytest.raises(NotADirectoryError):
        sync_folder(there)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
