"""The four programs of *Connect a regional app* ask a real gateway and print what the page says."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.mock_siak import Population
from gateway.testing.processes import SEED, GatewayProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.mock_siak import MockProcess

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/how-to/connect-a-regional-app.md"
_FILE = re.compile(r"^`(\w+\.\w+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNNERS = {
    "look_up.sh": ["sh"],
    "look_up.php": ["php"],
    "LookUp.java": ["java"],
    "look_up.py": [sys.executable],
}


def runs(runner: str) -> bool:
    """Whether a language is installed here; a bare Java runtime cannot run source files."""
    if runner == "java" and shutil.which("java"):
        listed = subprocess.run(["java", "--list-modules"], capture_output=True, text=True, check=False)
        return "jdk.compiler" in listed.stdout
    if runner == "php" and shutil.which("php"):
        return "curl" in subprocess.run(["php", "-m"], capture_output=True, text=True, check=False).stdout
    return runner != "java" and shutil.which(runner) is not None


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, mock_process: MockProcess) -> Iterator[GatewayProcess]:
    """A gateway for all of them."""
    with GatewayProcess(tmp_path_factory.mktemp("clients"), mock_process.url) as running:
        yield running


def test_the_page_has_all_four() -> None:
    """curl, PHP, Java and Python, and how to upload."""
    assert set(dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))) == {*RUNNERS, "upload.py"}


def test_the_program_uploads_from_where_it_was_cut(gateway: GatewayProcess, tmp_path: Path) -> None:
    """A file of which a part is there already is whole afterwards, under the name the program prints."""
    (tmp_path / "upload.py").write_text(dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))["upload.py"])
    content = b"%PDF-1.7\n" + os.urandom(300_000)
    (tmp_path / "paper.pdf").write_bytes(content)
    name, key = hashlib.sha256(content).hexdigest(), gateway.add_client("client-upload")
    headers = {"Authorization": f"Bearer {key}", "Upload-Length": str(len(content))}
    begun = urllib.request.Request(  # our own gateway
        f"{gateway.url}/v1/attachments/{name}", data=content[:100_000], headers=headers, method="PUT"
    )
    with urllib.request.urlopen(begun) as answer:
        assert answer.headers["Upload-Offset"] == "100000"
    told = {"GATEWAY": gateway.url, "KEY": key, "PATH": os.environ["PATH"]}
    command = [sys.executable, "upload.py", "paper.pdf"]
    ended = subprocess.run(command, cwd=tmp_path, env=told, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == name
    with urllib.request.urlopen(urllib.request.Request(begun.full_url, headers=headers)) as answer:
        assert answer.headers["Upload-Complete"] == "?1"


@pytest.mark.parametrize("name", RUNNERS)
def test_the_program_prints_the_name_and_the_code(gateway: GatewayProcess, tmp_path: Path, name: str) -> None:
    """A resident's name; for a key that is none, the code of the refusal."""
    if not runs(RUNNERS[name][0]):
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out(f"{RUNNERS[name][0]} is not installed, or cannot run it")
    (tmp_path / name).write_text(dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))[name], encoding="utf-8")
    population = Population(2_000, SEED)
    resident = population.resident(int(population.samples("active", 1)[0]))
    assert resident is not None
    known = gateway.add_client(f"client-{name.partition('.')[2]}")
    for key, printed in ((known, resident.name), ("none", "unauthenticated")):
        told = {"GATEWAY": gateway.url, "KEY": key, "NIK": str(resident.nik), "PATH": os.environ["PATH"]}
        ended = subprocess.run(
            [*RUNNERS[name], name], cwd=tmp_path, env=told, capture_output=True, text=True, check=True, timeout=60
        )
        assert ended.stdout.strip() == printed
