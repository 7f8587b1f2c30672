"""Every extension under `plugins/` and `adapters/` has its licence; a new one is found by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.registry.finding import found
from gateway.registry.manifest import read_manifest
from gateway.testing import check_extension

ROOT = Path(__file__).resolve().parents[2]
BUILT_IN = sorted(path.parent.name for kind in ("plugins", "adapters") for path in (ROOT / kind).glob("*/__init__.py"))
TYPED_ELSEWHERE = ("typed",)
"""`make check` runs mypy --strict over all of them at once."""


def test_all_of_them_are_known_to_the_gateway() -> None:
    """Each folder has its entry point, so that none is left out by mistake."""
    assert {"metrics", "caller_quota"} <= set(BUILT_IN)
    assert set(BUILT_IN) <= found().keys()


@pytest.mark.parametrize("name", BUILT_IN)
def test_it_has_its_licence_at_gold(name: str) -> None:
    """Its manifest claims gold, and no rule and no case of the drill says otherwise."""
    (folder,) = (ROOT / kind / name for kind in ("plugins", "adapters") if (ROOT / kind / name).is_dir())
    assert read_manifest(folder / "manifest.toml").tier == "gold"
    report = check_extension(name, leave_out=TYPED_ELSEWHERE)
    assert [(line.rule, line.details) for line in report.lines if line.verdict == "failed"] == []
    assert [line.rule for line in report.lines if line.verdict == "left out"] == list(TYPED_ELSEWHERE)
