"""Adapters planted for a test: the good one, with files of a case laid over its own, installed as pip would."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLANTED = Path(__file__).parent / "planted"


class Plant(Protocol):
    """Installs an adapter called `planted`."""

    def __call__(self, case: str = "good", files: Mapping[str, str | None] | None = None) -> Path:
        """With a case's files and these over the good one's; None takes a file away. Its folder comes back."""


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    """Installs one, which is forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "planted"

    def install(case: str = "good", files: Mapping[str, str | None] | None = None) -> Path:
        for source in ("good", case):
            shutil.copytree(PLANTED / source, folder, dirs_exist_ok=True)
        for file in folder.glob("*.py.txt"):  # what our own type checker must not read
            file.replace(file.with_suffix(""))
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).unlink(missing_ok=True)
            if text is not None:
                (folder / name).write_text(text, encoding="utf-8")
        facts = tmp_path / "planted-1.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
        (facts / "entry_points.txt").write_text("[siak_gateway]\nplanted = planted:Planted\n")
        importlib.invalidate_caches()
        return folder

    yield install
    for name in [name for name in sys.modules if name.partition(".")[0] == "planted"]:
        del sys.modules[name]
