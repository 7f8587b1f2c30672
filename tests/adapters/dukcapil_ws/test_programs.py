"""Programs in the manner of real ones, as they are, against the mock and the gateway: not a byte of difference.

Those whose runtime is installed; `CI=true` leaves out none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.adapters.dukcapil_ws.stage import ACCOUNTS

if TYPE_CHECKING:
    from tests.adapters.dukcapil_ws.stage import Face

PROGRAMS = Path(__file__).with_name("programs")
LONGEST = 100.0


def run(command: list[str], url: str, calls: list[str]) -> bytes:
    """What a program prints when it asks these questions."""
    if shutil.which(command[0]) is None:
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out(f"{command[0]} is not installed")
    given = "\n".join(calls).encode()
    done = subprocess.run([*command, url], input=given, capture_output=True, timeout=LONGEST, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def questions(face: Face, name: str) -> list[str]:
    """Calls about residents of every kind, somebody unknown, and a wrong password."""
    groups = ("active", "papua", "apostrophe", "one_word", "deceased", "duplicate", "inactive")
    niks = [*(face.rig.nik(group, place) for group in groups for place in range(2)), face.stranger(), "12"]
    calls = [face.call(name, nik) for nik in niks]
    return [json.dumps(call) for call in [*calls, {**calls[0], "password": "salah"}]]


def target(url: str, name: str) -> str:
    """Where a program asks."""
    return f"{url}/dukcapil/get_json/{ACCOUNTS[name].path}/CALL_NIK"


@pytest.mark.parametrize(
    ("runtime", "file", "name"),
    [
        ("node", "page.mjs", "uji_beban"),
        ("node", "page.mjs", "dinkes_serang"),
        ("java", "Template.java", "uji_beban"),
        ("php", "village.php", "dpmptsp"),
    ],
)
def test_a_program_sees_no_difference(face: Face, runtime: str, file: str, name: str) -> None:
    """Every kind of answer, printed as it was read."""
    program = [runtime, str(PROGRAMS / file)]
    ours = run(program, target(face.rig.url, name), questions(face, name))
    assert ours == run(program, target(face.centre, name), questions(face, name))
    assert ours.count(b"\n") == len(questions(face, name))


def test_five_hundred_calls_in_five_threads(face: Face) -> None:
    """A script that asks for 500 people at once gets the same 500 answers; a second run costs the centre nothing."""
    niks = face.rig.mock.population.samples("active", 500)
    calls = [json.dumps(face.call("uji_beban", nik)) for nik in niks]
    program = [sys.executable, str(PROGRAMS / "threads.py")]
    theirs = run(program, target(face.centre, "uji_beban"), calls)
    assert run(program, target(face.rig.url, "uji_beban"), calls) == theirs
    before = face.calls
    assert run(program, target(face.rig.url, "uji_beban"), calls) == theirs
    assert face.calls == before


def test_curl_with_two_header_lines_in_one(face: Face) -> None:
    """PHP's malformed content type, sent by curl as libcurl sends it for PHP."""
    heading = ["-H", "Content-Type: application/json,Accept: application/json"]
    for call in questions(face, "dpmptsp"):
        command = ["curl", "--silent", "--fail", *heading, "--data-binary", call]
        ours, theirs = (run(command, target(url, "dpmptsp"), []) for url in (face.rig.url, face.centre))
        assert ours == theirs
