"""`adapters check`: a line per rule with its cure, JSON for programs, and the exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateway.cli.extensions import adapters_group, plugins_group
from gateway.testing.licence.apart import check_apart

if TYPE_CHECKING:
    from click.testing import Result

    from gateway.testing import Line
    from tests.licence.conftest import Plant

TWO = ("--rule", "readme", "--rule", "manifest")


def check(*arguments: str) -> Result:
    """Run `adapters check`."""
    return CliRunner().invoke(adapters_group, ["check", *arguments])


def test_a_failed_rule_is_told_with_its_cure_and_exit_code_1(plant: Plant) -> None:
    """Rule, verdict, what was found, cure, and the verdict on the whole."""
    plant("readme")
    done = check("planted", *TWO)
    assert done.exit_code == 1
    lines = [line.strip() for line in done.output.splitlines()]
    assert lines[0] == "planted"
    assert lines[1].startswith("ok        manifest")
    assert lines[2].startswith("FAILED    readme")
    assert "it has 7 words, fewer than 40" in lines
    assert "cure: write it in Indonesian with English beside" in lines
    assert lines[-1] == "planted has not passed: readme"


def test_programs_get_json(plant: Plant) -> None:
    """The same as data, for all adapters when none is named."""
    plant("readme")
    done = check("--json", *TWO)
    (report,) = [each for each in json.loads(done.output) if each["name"] == "planted"]
    assert (done.exit_code, report["passed"]) == (1, False)
    assert {rule["rule"]: rule["verdict"] for rule in report["rules"]} == {"manifest": "ok", "readme": "failed"}
    assert all(rule["asks"] for rule in report["rules"])


def test_what_was_left_out_is_counted(plant: Plant) -> None:
    """Without the drill it passes, and says that something was not looked at."""
    plant()
    done = check("planted", "--no-drill", "--rule", "manifest", "--rule", "drill:burst")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "planted has passed, 1 left out")


def test_bad_usage_is_exit_code_2_and_a_stranger_1() -> None:
    """A rule that is none; an extension that is not there, or of the other kind."""
    assert CliRunner().invoke(plugins_group, ["check", "metrics", "--rule", "no_rule"]).exit_code == 2
    done = check("nobody")
    assert (done.exit_code, "no adapter nobody is installed" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os\nos._exit(0)", "the look ended by itself, at contract"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "the look ended by itself, at contract"),
    ],
)
def test_who_ends_the_process_has_not_passed(plant: Plant, code: str, told: str) -> None:
    """Whatever exit code it chose, for readers and for programs."""
    plant(files={"__init__.py": code})
    done = check("planted", "--rule", "manifest", "--rule", "contract")
    assert (done.exit_code, done.output.splitlines()[-1]) == (1, "planted has not passed: ended")
    assert told in done.output
    done = check("planted", "--rule", "contract", "--json")
    (report,) = json.loads(done.output)
    assert (done.exit_code, report["passed"]) == (1, False)


def test_who_never_ends_has_not_passed(plant: Plant) -> None:
    """The look has a limit of time; the process is gone afterwards."""
    plant(files={"__init__.py": "import threading\nthreading.Event().wait()"})
    told: list[Line] = []
    report = check_apart("planted", tell=told.append, begin=lambda _: None, only=("contract",), within=2.0)
    assert not report.passed
    (detail,) = told[-1].details
    assert detail.startswith("the look was not over after 2 s, at "), "how far it comes depends on the machine"
