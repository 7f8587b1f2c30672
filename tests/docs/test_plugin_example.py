"""The plugin that the how-to page writes is a whole one: it is found, checked, switched on, and typed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/how-to/write-a-plugin.md"
_FILE = re.compile(r"^`([\w./]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INSTALL = re.compile(r"^\.venv/bin/pip install (.*)$", re.MULTILINE)
_MENTIONED = re.compile(r"^`(office_hours/manifest\.toml)`.*?```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """The files a page shows, by the name written before each."""
    return {**dict(_FILE.findall(page)), **dict(_MENTIONED.findall(page))}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's package, built and installed by the page's own command, beside a copy of the default config."""
    place = tmp_path_factory.mktemp("plugin")
    page = PAGE.read_text(encoding="utf-8")
    for name, text in files_of(page).items():
        file = place / "office-hours" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (words,) = _INSTALL.findall(page)
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--quiet", "--target", "site", *words.split()]
    ended = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    shutil.copytree(ROOT / "config", place / "config")
    return place


def siak_gateway(place: Path, *words: str) -> tuple[int, str]:
    """Run the command line with the package installed; exit code and output."""
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (place / "site", ROOT))),
        "SIAK_GATEWAY_VAR": str(place / "var"),
    }
    command = [sys.executable, "-m", "gateway", *words]
    ended = subprocess.run(
        command, cwd=place, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ended.returncode, ended.stdout


def test_the_example_is_checked_and_switched_on(place: Path) -> None:
    """`plugins check` gives it its licence, `enable` puts it into the config, and the config is right then."""
    code, said = siak_gateway(place, "plugins", "check", "office_hours", "--no-drill")
    assert (code, said.splitlines()[-1].partition(",")[0]) == (0, "office_hours has passed"), said
    code, said = siak_gateway(place, "plugins", "enable", "office_hours")
    assert (code, said.splitlines()[0]) == (0, "plugin office_hours is enabled in config/gateway.toml")
    code, said = siak_gateway(place, "config", "check")
    last = "extensions: metrics, caller_quota, office_hours, dukcapil_ws"
    assert (code, said.rstrip().endswith(last)) == (0, True)


def test_the_wheel_holds_all_files(place: Path) -> None:
    """Manifest and README come with the package, and the installed package is listed as a whole one."""
    assert {file.name for file in (place / "site/office_hours").iterdir()} >= {
        "__init__.py",
        "manifest.toml",
        "README.md",
    }
    code, said = siak_gateway(place, "plugins", "list")
    (line,) = [line for line in said.splitlines() if line.startswith("office_hours")]
    assert (code, "bronze" in line, "broken" in line) == (0, True, False), said


@pytest.mark.usefixtures("types_seen")
def test_the_example_is_typed(place: Path) -> None:
    """`mypy --strict` has nothing to say about it."""
    command = [sys.executable, "-m", "mypy", "--strict", "office_hours"]
    environ = {**os.environ, "MYPYPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=place / "site", env=environ, capture_output=True, text=True, check=False)
    assert ended.stdout.startswith("Success"), ended.stdout + ended.stderr
