"""A print is one print, also where two processes want it at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.documents.world import World

ROOT = Path(__file__).parents[2]


def started(world: World, document: str, name: str) -> subprocess.Popen[str]:
    """A process that is about to print 25 times."""
    url = world.database.url.render_as_string(hide_password=False)
    arguments = [url, str(world.folder or ""), document, name, "25"]
    command = [sys.executable, "-m", "tests.documents.victim", *arguments]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environ)


@pytest.mark.soak
def test_fifty_attempts_over_two_processes_are_one_print(world: World) -> None:
    """Twenty-five attempts in each of two processes, begun together, give one print."""
    document = asyncio.run(world.ready())
    both = [started(world, document.id, name) for name in ("one", "two")]
    for child in both:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    outcomes = [child.communicate("go\n")[0] for child in both]
    assert sum(map(int, outcomes)) == 1
    assert asyncio.run(world.known(document.id)).prints == 1
