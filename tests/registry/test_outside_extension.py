"""An extension of somebody else's package is found and used by a process that knows nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OUTSIDE = Path(__file__).parent / "outside_extension" / "src"

PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from types import SimpleNamespace
from gateway.contract import Caller
from gateway.contract.web import Request
from gateway.registry import Registry
from gateway.settings import load

registry = Registry.build(load(Path(sys.argv[1]), {}), lambda name: SimpleNamespace(centre_status=tuple))
(mounted,) = [each for each in registry.routes if each.extension == "village_greeting"]
route = mounted.placed()
request = Request(Caller("c", "n", village="3527032005"), None, {}, {}, {}, "q", 0.0)
answer = asyncio.run(route.handler(request))
print(json.dumps({"path": route.path, "adapter": route.rule.adapter, "body": json.loads(answer.body)}))
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the package's metadata, as its wheel would leave it."""
    info = tmp_path / "siak_village_greeting-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: siak-village-greeting\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text("[siak_gateway]\nvillage_greeting = village_greeting:VillageGreeting\n")
    return tmp_path


def run(site: Path | None, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the package installed, or not."""
    path = os.pathsep.join(map(str, (ROOT, OUTSIDE, site))) if site else str(ROOT)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_is_found_configured_and_used(site: Path) -> None:
    """The example config of an outside extension gives its route, bound to it, with its settings."""
    done = run(site, "-c", PROGRAM, "config/examples/outside_extension.toml")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "path": "/apps/village_greeting/greeting",
        "adapter": "village_greeting",
        "body": {"greeting": "Selamat datang", "village": "3527032005"},
    }


def test_it_is_listed_with_its_package(site: Path) -> None:
    """`adapters list` shows it without importing it."""
    done = run(site, "-m", "gateway", "adapters", "list", "--json")
    row = next(one for one in json.loads(done.stdout) if one["name"] == "village_greeting")
    assert (row["name"], row["state"], row["tier"]) == ("village_greeting", "disabled", "bronze")
    assert row["package"] == "siak-village-greeting 1.0.0"
    checked = run(site, "-m", "gateway", "adapters", "check", "--no-drill")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.splitlines()[-1].startswith("village_greeting has passed")


def test_when_it_is_removed_the_config_says_so() -> None:
    """An enabled extension whose package is gone is a fault of the config, with line and cure."""
    done = run(None, "-m", "gateway", "config", "check", "--config", "config/examples/outside_extension.toml")
    assert done.returncode == 2
    assert "outside_extension.toml:15: adapters.enabled[0]: no extension village_greeting is installed" in done.stderr
