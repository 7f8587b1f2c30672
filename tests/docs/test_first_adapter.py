"""The tutorial of the first adapter, typed by a script: from an empty folder to a page in Chromium and a licence."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tests.docs.console import Step, matches, run, steps_of
from tests.docs.test_console import PORTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/tutorial/your-first-adapter.md"
TEN_MINUTES = 600.0
MAKES_VENV = "python3 -m venv .venv"
BORROWED = (
    f"echo {sysconfig.get_path('purelib')} >.venv/lib/python3.{sys.version_info.minor}/site-packages/borrowed.pth; "
    f"ln -s {Path(sys.executable).with_name('ruff')} .venv/bin/ruff"
)
"""In place of downloads: what the gateway depends on, and ruff, come from the environment that runs the tests."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A shell in which pip asks no index, ports are the system's choice, and this Python is `python3`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SIAK_", "PYTHON", "COV"))}
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    path = os.pathsep.join((str(programs), clean["PATH"]))
    return {**clean, **offline, **dict.fromkeys(PORTS, "0"), "PATH": path, "SIAK_COPY": str(ROOT)}


def with_borrowed(steps: list[Step]) -> list[Step]:
    """The page's steps, with one more after the virtual environment is made."""
    place = [step.command for step in steps].index(MAKES_VENV) + 1
    return [*steps[:place], Step(BORROWED, ""), *steps[place:]]


MYPY = "../.venv/bin/python -m mypy"
LICENCE = ".venv/bin/siak-gateway adapters check village_desk"
FEWER_RULES = " --rule manifest --rule drill:three_days_away --rule drill:fails_at_close"


def in_short(steps: list[Step]) -> list[Step]:
    """The same without what takes longest and is tested elsewhere: the type checker, and most rules of the licence."""
    kept = [step for step in steps if step.command != MYPY]
    assert len(kept) == len(steps) - 1
    return [Step(f"{LICENCE}{FEWER_RULES}", step.expected) if step.command == LICENCE else step for step in kept]


NEEDS_CHROMIUM = pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
LONG = pytest.mark.soak


@pytest.mark.timeout(TEN_MINUTES)
@NEEDS_CHROMIUM
@pytest.mark.parametrize("form", ["short", pytest.param("literal", marks=LONG)])
def test_the_page_followed_literally_ends_with_a_licensed_adapter(
    tmp_path: Path, environ: dict[str, str], form: str
) -> None:
    """Every command prints what the page shows: checks pass, the page is seen, the licence is given; in ten minutes."""
    steps = with_borrowed(steps_of(PAGE.read_text(encoding="utf-8")))
    steps = in_short(steps) if form == "short" else steps
    folder = tmp_path / "empty"
    folder.mkdir()
    began = time.monotonic()
    outputs = run(steps, folder, environ, TEN_MINUTES)
    wrong = [
        f"$ {step.command}\n--- shown\n{step.expected}\n--- printed\n{output}"
        for step, output in zip(steps, outputs, strict=True)
        if not matches(step.expected, output)
    ]
    assert not wrong, "\n\n".join(wrong)
    assert "village_desk has passed" in "\n".join(outputs)
    assert time.monotonic() - began < TEN_MINUTES


def test_the_page_holds_what_it_is_run_for() -> None:
    """The steps that matter are on it, in order: write, check, run, see, change, licence."""
    commands = "\n".join(step.command for step in steps_of(PAGE.read_text(encoding="utf-8")))
    wanted = ("adapters new", "-m mypy", "-m pytest", "run --dev", "chromium --headless", "sed -i", "adapters check")
    places = [commands.find(part) for part in wanted]
    assert -1 not in places
    assert places == sorted(places)
