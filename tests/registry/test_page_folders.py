"""The folders of an extension's pages: found beside its modules, refused where there are none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from gateway.contract import Templates
from gateway.registry.loading import Broken
from gateway.registry.page_folders import folders_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package without pages."""
    folder = tmp_path / "desk_without_pages"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, folder.name, raising=False)
    return folder


def test_templates_and_assets_are_found(package: Path) -> None:
    """Assets may be left out, templates may not."""
    given = [Templates(package.name)]
    with pytest.raises(Broken, match="no folder templates"):
        folders_of(given)
    (package / "templates").mkdir()
    found = folders_of(given)
    assert found is not None
    assert found.assets is None
    (package / "assets").mkdir()
    found = folders_of(given)
    assert found is not None
    assert found.assets is not None


def test_nothing_given_is_nothing_and_two_are_too_many(package: Path) -> None:
    """An extension without the hook has no pages."""
    assert folders_of(()) is None
    with pytest.raises(Broken, match="more than one"):
        folders_of([Templates(package.name), Templates(package.name)])
