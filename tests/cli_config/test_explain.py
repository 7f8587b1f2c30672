"""`config explain` says why a caller may ask or not, from the same checks that the gateway runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from gateway.cli import main

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three callers: one of a right, one bound to a village and a purpose, one revoked."""
    folder = tmp_path_factory.mktemp("var")
    assert siak(folder, "clients", "add", "all", "--right", "sampang").exit_code == 0
    bound = ["--village", "3527032005", "--purpose", "pelayanan", "--field", "NIK"]
    assert siak(folder, "clients", "add", "bound", "--right", "sampang", *bound).exit_code == 0
    assert siak(folder, "clients", "add", "gone").exit_code == 0
    assert siak(folder, "clients", "revoke", "gone").exit_code == 0
    return folder


def siak(folder: Path, *arguments: str) -> Result:
    """Run the command line on a data folder of its own."""
    environ = {"SIAK_GATEWAY_VAR": str(folder), "SIAK_GATEWAY_CONFIG": ""}
    return CliRunner(env=environ).invoke(main, [*arguments, "--config", str(ROOT / "config" / "gateway.toml")])


def explained(folder: Path, *arguments: str) -> Any:
    """The explanation as JSON."""
    done = siak(folder, "config", "explain", *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_everything_a_caller_may_is_listed(gateway: Path) -> None:
    """Without a service or purpose, all pairs are told, with class and fields."""
    told = explained(gateway, "--caller", "all")
    assert len(told["asks"]) == 9
    assert all(row["may"] for row in told["asks"])
    assert {row["class"] for row in told["asks"] if row["purpose"] == "statistik"} == {"background"}


def test_why_not_is_told(gateway: Path) -> None:
    """The wrong purpose, the wrong village and a purpose that does not exist."""
    (row,) = explained(gateway, "--caller", "bound", "--service", "biodata", "--purpose", "statistik")["asks"]
    assert (row["may"], row["code"]) == (False, "denied")
    assert "purpose" in row["why"]
    (row,) = explained(
        gateway, "--caller", "bound", "--service", "biodata", "--purpose", "pelayanan", "--village", "3527012001"
    )["asks"]
    assert (row["may"], "village" in row["why"]) == (False, True)
    (row,) = explained(gateway, "--caller", "all", "--service", "verify", "--purpose", "hiburan")["asks"]
    assert (row["may"], row["code"]) == (False, "invalid")
    (row,) = explained(gateway, "--caller", "bound", "--service", "biodata", "--purpose", "pelayanan")["asks"]
    assert row["fields"] == ["NIK"]


def test_a_revoked_caller_is_refused_at_the_door(gateway: Path) -> None:
    """Whatever its right says, its key opens nothing."""
    told = siak(gateway, "config", "explain", "--caller", "gone").stdout
    assert "revoked since" in told
    assert "right: none" in told
    assert "biodata for pelayanan: no: This key carries no right to ask the centre." in told


def test_an_unknown_caller_exits_1(gateway: Path) -> None:
    """Who is not there cannot be explained."""
    done = siak(gateway, "config", "explain", "--caller", "nobody")
    assert done.exit_code == 1
    assert "there is no caller nobody" in done.stderr


def test_a_name_that_lives_again_is_explained_as_it_lives(gateway: Path) -> None:
    """Where a revoked caller's name was given to a new one, the living one is meant; its own id finds the old one."""
    assert siak(gateway, "clients", "add", "again", "--right", "sampang").exit_code == 0
    old = explained(gateway, "--caller", "again")["id"]
    assert siak(gateway, "clients", "revoke", "again").exit_code == 0
    assert siak(gateway, "clients", "add", "again", "--right", "sampang").exit_code == 0
    told = explained(gateway, "--caller", "again")
    assert told["id"] != old
    assert told["key"].startswith("its key is good until")
    assert explained(gateway, "--caller", old)["key"].startswith("revoked since")
