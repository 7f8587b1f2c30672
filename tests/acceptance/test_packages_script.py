"""`tests/packages.sh`: what the tests need from Debian is installed, or named; with CI=true nothing is left out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "packages.sh"


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_packages_that_cannot_be_installed_are_named(tmp_path: Path, ci: str, code: int) -> None:
    """Where apt fails, such as without a network, what is left out is named, and in CI that ends the run."""
    for name, text in {"apt-get": "exit 100", "id": "echo 0", "sh": "exit 1"}.items():
        tool = tmp_path / name
        tool.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        tool.chmod(0o755)
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CI": ci}
    ended = subprocess.run(["bash", str(SCRIPT)], env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended
    assert "Left out" in ended.stderr
    assert "curl" in ended.stderr
    assert "postgresql" in ended.stderr
