"""Outside extensions, installed for the time of a test."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {
    "sample_adapter": "SampleAdapter",
    "sample_plugin": "SamplePlugin",
    "unopenable": "Unopenable",
    "squatter": "Squatter",
}

MODULES = {"sample_adapter": "outside_sample"}
MANIFEST = """
name = "sample_adapter"
kind = "adapter"
title = "Sample"
title_id = "Contoh"
owner = "Tests"
docs = "README.md"
tier = "bronze"
mounts = ["old"]

[rules]
strict_config = "done"
readme = "done"
no_personal_data = "done"
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package beside the gateway whose entry points name the sample extensions."""
    package = tmp_path / "packages" / "outside-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n", encoding="utf-8")
    own = package.parent / "outside_sample"
    own.mkdir()
    (own / "__init__.py").write_text("from tests.wiring.sample import SampleAdapter\n", encoding="utf-8")
    (own / "manifest.toml").write_text(MANIFEST, encoding="utf-8")
    points = "\n".join(f"{name} = {MODULES.get(name, 'tests.wiring.sample')}:{cls}" for name, cls in NAMES.items())
    (package / "entry_points.txt").write_text(f"[siak_gateway]\n{points}\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "outside_sample", raising=False)
    monkeypatch.syspath_prepend(str(package.parent))
