"""Each address has one owner: the gateway first, then extensions in their order; `config check` says who loses."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Protocol

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.testing import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = """
from gateway.contract import Extension, hookimpl
from gateway.contract.web import PUBLIC, Response, Route

class Ext(Extension):
    name = {name!r}
    api_version = 1

    @hookimpl
    def gateway_routes(self):
        return [Route("GET", {path!r}, PUBLIC, self._answer, "Answers.", "Menjawab.", absolute={absolute})]

    async def _answer(self, request):
        return Response.json(self.name)
"""
MANIFEST = """
name = "{name}"
kind = "{kind}"
title = "A desk"
title_id = "Meja"
owner = "Tests"
docs = "README.md"
tier = "bronze"
mounts = {mounts}

[rules]
strict_config = "done"
readme = "done"
no_personal_data = "done"
"""


class Install(Protocol):
    """Installs an extension."""

    def __call__(self, name: str, path: str, mounts: str = "[]", *, absolute: bool = True, kind: str = ...) -> None:
        """With one route."""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs extensions with one route each, as pip would."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)
    made = []

    def add(name: str, path: str, mounts: str = "[]", *, absolute: bool = True, kind: str = "adapter") -> None:
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").write_text(SOURCE.format(name=name, path=path, absolute=absolute))
        (site / name / "manifest.toml").write_text(MANIFEST.format(name=name, kind=kind, mounts=mounts))
        facts = site / f"{name}-1.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (facts / "entry_points.txt").write_text(f"[siak_gateway]\n{name} = {name}:Ext\n")
        importlib.invalidate_caches()
        made.append(name)

    yield add
    for name in made:
        sys.modules.pop(name, None)


def test_of_two_with_one_address_the_later_is_left_out(install: Install, tmp_path: Path) -> None:
    """The first serves, also where parameters are named otherwise; a third goes on."""
    install("first", "/old/{place}", '["old"]')
    install("second", "/old/{village}", '["old"]')
    install("third", "/older", '["older"]')
    with Stage(tmp_path, adapters=["first", "second", "third"]) as stage:
        assert [stage.request("GET", path).json for path in ("/old/7", "/older")] == ["first", "third"]
        (failure,) = stage.gateway.generation.registry.failures
        assert (failure.extension, failure.stage) == ("second", "routes")
        assert "GET /old/{p0} is claimed twice" in failure.reason


@pytest.mark.parametrize(
    ("path", "mounts", "kind", "why"),
    [
        ("/health/live", "[]", "adapter", "mounts do not name health"),
        ("/v1/more", "[]", "adapter", "mounts do not name v1"),
        ("/apps/other/x", "[]", "adapter", "mounts do not name apps"),
        ("/{anything}/x", '["old"]', "adapter", "mounts do not name {anything}"),
        ("/older/x", '["old"]', "adapter", "mounts do not name older"),
        ("/status", "[]", "plugin", "GET /status is claimed twice"),
        ("/{x:nonsense}", "[]", "plugin", "Unknown path convertor"),
    ],
)
def test_where_an_extension_may_not_stand(
    install: Install, tmp_path: Path, path: str, mounts: str, kind: str, why: str
) -> None:
    """It is left out, the gateway serves, and `config check` says so beforehand."""
    install("squat", path, mounts, kind=kind)
    adapters, plugins = (["squat"], []) if kind == "adapter" else ([], ["squat"])
    with Stage(tmp_path / "stage", adapters=adapters, plugins=plugins) as stage:
        assert stage.request("GET", "/health/live").status == 200
        (failure,) = stage.gateway.generation.registry.failures
        assert (failure.stage, why in failure.reason) == ("routes", True)
    config = tmp_path / "config.toml"
    config.write_text(f'[{kind}s]\nenabled = ["squat"]\n')
    checked = CliRunner().invoke(main, ["config", "check", "--config", str(config)])
    assert checked.exit_code == 1
    assert f"{kind} squat would be left out: " in checked.output
    assert why in checked.output


def test_a_mount_of_the_gateways_own_is_no_mount(install: Install, tmp_path: Path) -> None:
    """Whatever its manifest declares."""
    install("squat", "/v1/more", '["v1"]')
    with Stage(tmp_path, adapters=["squat"]) as stage:
        assert [one.stage for one in stage.gateway.generation.registry.failures] == ["routes"]
