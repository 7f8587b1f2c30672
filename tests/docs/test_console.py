"""The docs' console blocks do what they show, against a real `make run`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.console import Step, matches, run, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/tutorial/first-lookup.md")
LAST_LINE = "Ctrl-C stops both."
STOP_WITHIN = 5.0
PORTS = ("SIAK_GATEWAY_PORT", "SIAK_GATEWAY_OPERATOR_PORT", "SIAK_MOCK_PORT", "SIAK_MOCK_CONTROL_PORT")


def environ() -> dict[str, str]:
    """The environment of the shell and of `make run`: this machine's, with ports the system chooses."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIAK_")}
    return {**clean, **dict.fromkeys(PORTS, "0")}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    """A page with console blocks."""
    return (ROOT / str(request.param)).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a working copy, one for each page: its config and its programs."""
    assert page
    place = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "config", place / "config")
    programs = place / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "siak-gateway").symlink_to(Path(sys.executable).with_name("siak-gateway"))
    return place


@pytest.fixture(scope="module")
def trial(place: Path) -> Iterator[Path]:
    """What `make run` starts, in a folder of its own, until the tests beside it end."""
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway", "run"], cwd=place, env=environ(), stdout=subprocess.PIPE, text=True
    )
    with child:
        try:
            said: list[str] = []
            for line in child.stdout or ():
                said.append(line)
                if line.startswith(LAST_LINE):
                    break
            assert child.poll() is None, "".join(said)
            yield place
        finally:
            child.terminate()
            child.wait(STOP_WITHIN)


def test_every_command_shows_what_the_page_shows(page: str, trial: Path) -> None:
    """Each command of a page, pasted into a shell beside a running trial, prints what the page says."""
    steps = steps_of(page)
    outputs = run(steps, trial, environ())
    wrong = [
        f"$ {step.command}\n--- shown\n{step.expected}\n--- printed\n{output}"
        for step, output in zip(steps, outputs, strict=True)
        if not matches(step.expected, output)
    ]
    assert not wrong, "\n\n".join(wrong)


def test_the_stored_openapi_documents_are_those_that_are_served(trial: Path) -> None:
    """What is in `docs/reference/` is what a running gateway serves."""
    gateway = json.loads((trial / "var" / "demo.json").read_text(encoding="utf-8"))["gateway"]
    for path, file in (("openapi.json", "openapi.json"), ("openapi/dukcapil_ws.json", "openapi-dukcapil_ws.json")):
        with urllib.request.urlopen(f"{gateway}/{path}", timeout=20) as answer:
            served = json.load(answer)
        assert served == json.loads((ROOT / "docs/reference" / file).read_text(encoding="utf-8"))


def test_blocks_are_read_as_commands_with_their_outputs() -> None:
    """A block gives each command, also one over two lines, with the lines under it; other blocks are left alone."""
    text = "```console\n$ one\na\nb\n$ two \\\n> more\n```\n```toml\n$ no\n```\n"
    assert steps_of(text) == [Step("one", "a\nb"), Step("two \\\nmore", "")]


@pytest.mark.parametrize(
    ("expected", "output", "same"),
    [("a...c", "a b\nb c", True), ("a", "a\n", True), ("a", "ab", False), ("", "x", False), ("(.)", "(.)", True)],
)
def test_dots_stand_for_any_text_and_nothing_else_does(expected: str, output: str, *, same: bool) -> None:
    """Only `...` is a wildcard; everything else must be printed to the letter."""
    assert matches(expected, output) is same


def test_a_command_that_prints_something_else_is_noticed(tmp_path: Path) -> None:
    """The runner keeps outputs apart, errors included, and one shell serves all commands."""
    steps = [Step("A=1", ""), Step('echo "A is $A"', "A is 1"), Step("no-such-program", "")]
    outputs = run(steps, tmp_path, environ())
    assert [matches(step.expected, output) for step, output in zip(steps, outputs, strict=True)] == [True, True, False]
