"""A folder with a config, and the command line in this process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from click.testing import CliRunner

from gateway.cli import main
from gateway.testing.processes import demo_rights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result


@dataclass
class Desk:
    """Where an admin sits: a folder with a config, and the command line."""

    folder: Path
    runner: CliRunner = field(default_factory=CliRunner)

    @property
    def file(self) -> Path:
        """The config."""
        return self.folder / "gateway.toml"

    def run(self, *arguments: str, config: bool = True, **more: Any) -> Result:
        """Run a command with this config."""
        last = ["--config", str(self.file)] if config else []
        return self.runner.invoke(main, [*arguments, *last], **more)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose config has one right; its data are in the same folder."""
    made = Desk(tmp_path)
    made.file.write_text("[server]\nport = 0\noperator_port = 0\n" + demo_rights(), encoding="utf-8")
    os.environ["SIAK_GATEWAY_VAR"] = str(tmp_path / "var")
    yield made
    structlog.reset_defaults()
