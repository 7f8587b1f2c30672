"""Each broken example gives exactly the faults that stand beside it: a new case is two files, not code."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.registry import plan
from gateway.settings import ConfigFaults, load

CASES = sorted((Path(__file__).parent / "broken").glob("*.toml"))


def faults_of(file: Path) -> list[str]:
    """Every fault of a config file, one per line, with the bare name of the file."""
    try:
        faults = tuple(plan(load(file, {})).faults)
    except ConfigFaults as found:
        faults = found.faults
    return [str(fault).replace(str(file), file.name) for fault in faults]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_each_fault_names_file_line_key_and_cure(case: Path) -> None:
    """A broken config tells every fault once, on its line, with what was expected and what to do."""
    assert faults_of(case) == case.with_suffix(".txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_no_fault_repeats_a_text_of_the_config(case: Path) -> None:
    """What might be a secret pasted into the wrong place is never printed back."""
    assert not [fault for fault in faults_of(case) if "hunter2" in fault]


def test_there_are_at_least_twenty_cases() -> None:
    """The broken examples cover twenty kinds of mistakes and more."""
    assert len(CASES) >= 20
