"""What an extension says of itself is read without importing it, and held to its tier."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.registry import installed, read_manifest
from gateway.registry.manifest import RULES, folder_of
from gateway.settings import ConfigFaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.settings import Settings
    from tests.registry.conftest import Install

ROOT = Path(__file__).parents[2]
OURS = sorted([*ROOT.glob("plugins/*/manifest.toml"), *ROOT.glob("adapters/*/manifest.toml")])
GOOD = """
name = "desk"
kind = "adapter"
title = "Desk"
title_id = "Loket"
owner = "Somebody"
docs = "README.md"
tier = "bronze"

[rules]
strict_config = "done"
readme = "done"
no_personal_data = { status = "exempt", reason = "shows nothing" }
"""


def faults_of(folder: Path, text: str) -> list[str]:
    """The faults of a manifest, without the name of its file."""
    file = folder / "manifest.toml"
    file.write_text(text)
    with pytest.raises(ConfigFaults) as caught:
        read_manifest(file)
    return [f"{fault.line}: {fault.key}: {fault.message}" for fault in caught.value.faults]


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.parent.name)
def test_our_own_manifests_keep_their_tier(file: Path) -> None:
    """Each built-in extension's manifest is right, carries its folder's name, and its docs are there."""
    manifest = read_manifest(file)
    assert manifest.name == file.parent.name
    assert (file.parent / manifest.docs).is_file()


def test_a_good_manifest_is_read(tmp_path: Path) -> None:
    """All that it says is there."""
    (tmp_path / "manifest.toml").write_text(GOOD)
    manifest = read_manifest(tmp_path / "manifest.toml")
    assert (manifest.kind, manifest.tier, manifest.api_version) == ("adapter", "bronze", 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('tier = "bronze"', 'tier = "platinum"'), "8: tier: expected 'bronze', 'silver' or 'gold', got another text"),
        (('owner = "Somebody"\n', ""), "1: owner: is missing"),
        (('readme = "done"', 'readme = "todo"'), "12: rules.readme: expected 'done', got another text"),
        (('"shows nothing"', '"no"'), "13: rules.no_personal_data.reason: expected at least 5 characters"),
        (('readme = "done"\n', ""), "10: rules.readme: is missing, and tier bronze asks for it"),
        (('status = "exempt"', 'status = "todo"'), "13: rules.no_personal_data: is to do, and tier bronze asks for it"),
        (('readme = "done"', 'readme = "done"\nfast = "done"'), "13: rules.fast: is not a rule"),
        (('tier = "bronze"', 'tier = "silver"'), "10: rules.tests: is missing, and tier silver asks for it"),
    ],
)
def test_each_fault_of_a_manifest_is_placed(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    """Types, missing keys and unmet rules are told with their line."""
    assert any(fault.startswith(told) for fault in faults_of(tmp_path, GOOD.replace(*change)))


def test_every_rule_says_what_it_asks_for() -> None:
    """Each rule of each tier has a text."""
    assert all(text.endswith(".") for tier in RULES.values() for text in tier.values())


def test_the_folder_is_found_without_an_import() -> None:
    """A package, a module inside one, a plain module, nothing at all."""
    assert folder_of(EntryPoint("x", "plugins.metrics:Metrics", "siak_gateway")) == ROOT / "plugins" / "metrics"
    assert folder_of(EntryPoint("x", "plugins.nowhere:X", "siak_gateway")) is None
    assert folder_of(EntryPoint("x", "this:X", "siak_gateway")) is None
    assert folder_of(EntryPoint("x", "not_there_at_all:X", "siak_gateway")) is None


def test_the_list_tells_kind_state_and_what_is_broken(install: Install, configured: Callable[[str], Settings]) -> None:
    """An extension with a wrong manifest is listed as broken, with the reason."""
    install("desk", "", GOOD)
    install("liar", "", GOOD)
    install("wrong", "", "name = 3")
    install("bare", "")
    every = {each.name: each for each in installed(configured('adapters.enabled = ["desk"]\n'))}
    assert (every["desk"].kind, every["desk"].state, every["desk"].distribution) == (
        "adapter",
        "enabled",
        "outside_desk 1.0",
    )
    assert (every["liar"].state, every["liar"].detail) == ("broken", "its manifest calls it desk, its entry point liar")
    assert every["wrong"].state == "broken"
    assert (every["bare"].kind, every["bare"].state, every["bare"].manifest) == (None, "disabled", None)
