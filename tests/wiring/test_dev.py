"""Development mode: a changed file of an extension is served without a restart, and a broken one harms nobody."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
import structlog

from gateway.settings import load
from gateway.testing.processes import GatewayProcess
from gateway.wiring.dev import SourceWatch, watch_forever

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


@pytest.fixture
def watched(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceWatch:
    """A watch over that adapter's files."""
    monkeypatch.syspath_prepend(site)
    config = tmp_path / "config.toml"
    config.write_text('[adapters]\nenabled = ["growing"]\n')
    settings = load(config, {})
    return SourceWatch(lambda: settings)


def test_only_files_that_are_loaded_count(watched: SourceWatch, site: Path) -> None:
    """What editors write beside them, links that lead nowhere and compiled code reload nothing."""
    package = site / "growing"
    for name in (".words.py.swp", ".#words.py", "words.py~", "4913", "notes.txt"):
        (package / name).write_text("x")
    (package / "gone.py").symlink_to(package / "never_there.py")
    assert watched.changed() == []
    (package / "page.html").write_text("<p>")
    assert watched.changed() == ["growing"]
    assert watched.changed() == []
    (package / "words.py").unlink()
    assert watched.changed() == ["growing"]


def test_a_look_that_fails_does_not_end_the_watch() -> None:
    """It is logged, and the next look reloads."""
    outcomes: list[OSError | list[str]] = [OSError("no more handles"), ["growing"]]
    looks = iter(outcomes)
    reloaded = asyncio.Event()

    class Watch(SourceWatch):
        """Fails once, then sees a change."""

        def __init__(self) -> None:
            """See nothing."""

        def changed(self) -> list[str]:
            """The next outcome."""
            outcome = next(looks)
            if isinstance(outcome, OSError):
                raise outcome
            return outcome

    async def watch() -> None:
        watching = asyncio.create_task(watch_forever(Watch(), reloaded.set))
        async with asyncio.timeout(10):
            await reloaded.wait()
        watching.cancel()
        await asyncio.wait((watching,))

    with structlog.testing.capture_logs() as logged:
        asyncio.run(watch())
    assert [line["event"] for line in logged] == ["gateway.dev.failed", "gateway.dev.changed"]
