"""The plugin that the how-to page writes is a whole one: it is found, checked, switched on, and typed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/how-to/write-a-plugin.md"
_FILE = re.compile(r"^`([\w./]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MENTIONED = re.compile(r"^`(office_hours/manifest\.toml)`.*?```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """The files a page shows, by the name written before each."""
    return {**dict(_FILE.findall(page)), **dict(_MENTIONED.findall(page))}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The page's package as pip would install it, beside a copy of the default config."""
    files = files_of(PAGE.read_text(encoding="utf-8"))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    points = project["entry-points"]["siak_gateway"].items()
    facts = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (facts / "entry_points.txt").write_text(
        "[siak_gateway]\n" + "".join(f"{name} = {place}\n" for name, place in points)
    )
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path


def siak_gateway(place: Path, *words: str) -> tuple[int, str]:
    """Run the command line with the package installed; exit code and output."""
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (place, ROOT))),
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


def test_the_example_is_typed(place: Path) -> None:
    """`mypy --strict` has nothing to say about it."""
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(place / "mypy"), "office_hours"]
    environ = {**os.environ, "MYPYPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, check=False)
    assert ended.stdout.startswith("Success"), ended.stdout + ended.stderr
