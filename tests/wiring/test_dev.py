"""Development mode: a changed file of an extension is served without a restart, and a broken one harms nobody."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.testing.processes import GatewayProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = """
from gateway.contract import Extension, hookimpl
from gateway.contract.web import PUBLIC, Response, Route
from growing.words import WORD

class Growing(Extension):
    name = "growing"
    api_version = 1

    @hookimpl
    def gateway_routes(self):
        return [Route("GET", "/word", PUBLIC, self._word, "Says.", "Berkata.")]

    async def _word(self, request):
        return Response.json(WORD)
"""
RELOADED = '"gateway.reloaded"'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An adapter in two files, as pip would leave it in development."""
    package = tmp_path / "site" / "growing"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SOURCE)
    (package / "words.py").write_text('WORD = "one"\n')
    facts = package.parent / "growing-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: growing\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[siak_gateway]\ngrowing = growing:Growing\n")
    return package.parent


@pytest.fixture
def gateway(tmp_path: Path, site: Path) -> Iterator[GatewayProcess]:
    """A gateway in development mode with that adapter; its centre is never asked."""
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", ""))))
    process = GatewayProcess(
        tmp_path / "gateway",
        "http://127.0.0.1:9",
        config='[adapters]\nenabled = ["growing"]\n',
        environ={"PYTHONPATH": path},
        options=("--dev",),
    )
    with process as running:
        yield running


def word(gateway: GatewayProcess) -> bytes:
    """What the adapter says."""
    return gateway.get("/apps/growing/word")[2]


def test_a_changed_file_is_served_without_a_restart(gateway: GatewayProcess, site: Path) -> None:
    """The word changes with the file, also one of its length; a broken file leaves it out until mended."""
    pid = gateway.pid
    assert word(gateway) == b'"one"'
    place = 0
    for text in ("two", "six"):
        (site / "growing" / "words.py").write_text(f'WORD = "{text}"\n')
        place += len(gateway.wait_for_log(RELOADED, after=place))
        assert word(gateway) == f'"{text}"'.encode()
    (site / "growing" / "words.py").write_text("WORD = (\n")
    assert "cannot be imported" in gateway.wait_for_log(RELOADED, after=place)
    place = len(gateway.log())
    assert gateway.get("/apps/growing/word")[0] == 404
    assert gateway.get("/health/live")[0] == 200
    (site / "growing" / "words.py").write_text('WORD = "whole"\n')
    gateway.wait_for_log(RELOADED, after=place)
    assert (word(gateway), gateway.pid) == (b'"whole"', pid)
