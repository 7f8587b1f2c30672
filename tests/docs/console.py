"""Console blocks of the docs, run as they stand: commands after `$ ` (continued after `> `), then their output.

`...` in an expected output stands for any text, also over several lines. All blocks of a page share one shell, so that
variables set in one are there in the next.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "@@end-of-command@@"
_LONGEST = 90.0


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page.

    Attributes:
        command: What is typed.
        expected: What the page shows after it; empty if nothing.
    """

    command: str
    expected: str


def steps_of(page: str) -> list[Step]:
    """The commands of all console blocks of a page, in order."""
    steps: list[Step] = []
    for block in _BLOCK.findall(page):
        command, output = "", [""]
        for line in block.splitlines():
            if line.startswith("$ "):
                if command:
                    steps.append(Step(command, "\n".join(output).strip()))
                command, output = line[2:], []
            elif line.startswith("> ") and not output:
                command += "\n" + line[2:]
            else:
                output.append(line)
        steps.append(Step(command, "\n".join(output).strip()))
    return steps


def matches(expected: str, output: str) -> bool:
    """Whether an output is what a page shows."""
    pattern = ".*?".join(re.escape(part) for part in expected.split("..."))
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


def run(steps: list[Step], folder: Path, environ: Mapping[str, str], longest: float = _LONGEST) -> list[str]:
    """Run all commands in one shell; the output of each, errors included."""
    script = "exec 2>&1\n" + "".join(f"{step.command}\nprintf '\\n{_MARK}\\n'\n" for step in steps)
    ended = subprocess.run(
        ["bash"], input=script.encode(), stdout=subprocess.PIPE, cwd=folder, env=environ, timeout=longest, check=True
    )
    outputs = ended.stdout.decode().split(f"\n{_MARK}\n")
    return [output.replace("\r", "").strip() for output in outputs[: len(steps)]]
