"""`adapters new` writes a whole adapter that needs no editing, refuses bad names clearly, and overwrites nothing."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateway.cli.extensions import adapters_group
from gateway.registry.loading import class_of
from gateway.registry.manifest import read_manifest
from gateway.testing import Stage, check_extension, examples_of, run_example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

ROOT = Path(__file__).resolve().parents[2]
NAME = "village_desk"
LONGEST = "a_desk_of_a_village_with_a_long_name_xyz"
FOUR_CASES = {"centre_away", "greeted", "nobody", "page"}


def new(*arguments: str | Path) -> Result:
    """Run `adapters new`."""
    return CliRunner().invoke(adapters_group, ["new", *map(str, arguments)])


def quiet(*command: str | Path, cwd: Path) -> str:
    """What a checker complains of; empty if nothing."""
    environ = {**os.environ, "MYPYPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new adapter, installed as pip would."""
    assert new(NAME, "--into", tmp_path).exit_code == 0
    folder = tmp_path / NAME
    point = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]["siak_gateway"]
    facts = folder / f"{NAME}-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(f"[siak_gateway]\n{NAME} = {point[NAME]}\n")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def test_it_gets_its_licence_without_editing(installed: Path) -> None:
    """Every rule it claims and every case of the drill passes; what is left to do is said with its reason."""
    assert {example.name for example in examples_of(NAME)} == FOUR_CASES
    report = check_extension(NAME, leave_out=("typed",))
    odd = {line.rule: line.verdict for line in report.lines if line.verdict != "ok"}
    assert odd == {"measured": "todo", "typed": "left out"}, report
    assert read_manifest(installed / NAME / "manifest.toml").rules["typed"] == "done"


@pytest.mark.usefixtures("types_seen")
def test_mypy_finds_nothing_in_it(installed: Path) -> None:
    """`mypy --strict`, with the package's own settings, has nothing to say."""
    assert quiet(sys.executable, "-m", "mypy", cwd=installed) == ""


@pytest.mark.parametrize("name", ["x", "none", NAME, LONGEST])
def test_ruff_finds_nothing_in_it(tmp_path: Path, name: str) -> None:
    """Every rule of ruff and its formatter are content, whatever the length of the name."""
    assert new(name, "--into", tmp_path).exit_code == 0
    for command in (("check", "--no-cache", "."), ("format", "--check", "--no-cache", ".")):
        assert quiet(Path(sys.executable).with_name("ruff"), *command, cwd=tmp_path / name) == ""


def test_in_tree_it_stands_among_ours(tmp_path: Path) -> None:
    """The package, its test and its entry point are where the built-in ones have theirs, under our own ruff."""
    (tmp_path / "adapters").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "gateway").symlink_to(ROOT / "gateway")
    for file in ("pyproject.toml", "adapters/__init__.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    before = (tmp_path / "pyproject.toml").read_text()
    done = new(NAME, "--in-tree", "--into", tmp_path)
    assert (done.exit_code, "make check" in done.output) == (0, True), done.output
    points = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["entry-points"]["siak_gateway"]
    assert points[NAME] == f"adapters.{NAME}:VillageDeskAdapter"
    after = (tmp_path / "pyproject.toml").read_text().replace(f'{NAME} = "adapters.{NAME}:VillageDeskAdapter"\n', "")
    assert after == before, "nothing else of the file changed"
    assert (tmp_path / "tests" / "adapters" / f"test_{NAME}.py").is_file()
    assert read_manifest(tmp_path / "adapters" / NAME / "manifest.toml").owner == "The SIAK gateway maintainers"
    ruff = Path(sys.executable).with_name("ruff")
    assert quiet(ruff, "check", "--no-cache", "adapters", "tests", cwd=tmp_path) == ""
    assert new(NAME, "--in-tree", "--into", tmp_path).exit_code == 2


def test_its_table_holds_no_one_and_survives(installed: Path, tmp_path: Path) -> None:
    """Two visits are counted in its own table, which has its own version table, also after a restart."""
    assert installed.is_dir()
    with Stage(tmp_path / "stage", adapters=[NAME]) as stage:
        key = stage.add_client("desk", adapter=NAME)
        (greeted,) = [example for example in examples_of(NAME) if example.name == "greeted"]
        for person in stage.people()[:2]:
            assert run_example(stage, greeted, key=key, person=person) == []
        stage.restart()
        assert b"<td>2</td>" in stage.request("GET", f"/apps/{NAME}/").body


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Village", "is no name for an adapter"),
        ("2desks", "is no name for an adapter"),
        ("desk-a", "is no name for an adapter"),
        ("desk__a", "is no name for an adapter"),
        ("desk_", "is no name for an adapter"),
        ("../desk", "is no name for an adapter"),
        ("d" * 41, "is no name for an adapter"),
        ("class", "is a word of Python"),
        ("match", "is a word of Python"),
        ("core", "core is a name of the gateway's own; choose another, such as core_desk"),
        ("caller", "caller is a name of the gateway's own"),
        ("metrics", "an extension metrics is installed already"),
        ("json", "a Python package json is there already"),
        ("gateway", "a Python package gateway is there already"),
    ],
)
def test_a_bad_name_is_refused_clearly(tmp_path: Path, name: str, reason: str) -> None:
    """It says what is wrong, and writes nothing."""
    done = new(name, "--into", tmp_path)
    assert (done.exit_code, reason in done.output) == (2, True), done.output
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    """A folder of that name, be it empty, is left as it is."""
    (tmp_path / NAME).mkdir()
    done = new(NAME, "--into", tmp_path)
    assert (done.exit_code, "is there already" in done.output) == (2, True)
    assert list((tmp_path / NAME).iterdir()) == []


def test_in_tree_needs_a_working_copy(tmp_path: Path) -> None:
    """Anywhere else it says what to do."""
    done = new(NAME, "--in-tree", "--into", tmp_path)
    assert (done.exit_code, "is no working copy of the gateway" in done.output) == (2, True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in the way of the folder is named, with exit code 1."""
    (tmp_path / "file").touch()
    done = new(NAME, "--into", tmp_path / "file" / "below")
    assert (done.exit_code, "nothing was written" in done.output) == (1, True), done.output


@pytest.mark.parametrize("name", ["true", "none", "response", "route"])
def test_names_that_its_code_uses_do_not_clash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Its class carries another word than the contract's, so that it can be loaded and answers."""
    assert new(name, "--into", tmp_path).exit_code == 0
    point = EntryPoint(name, f"{name}:{name.capitalize()}Adapter", "siak_gateway")
    monkeypatch.syspath_prepend(tmp_path / name)
    assert class_of(point).name == name
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]
