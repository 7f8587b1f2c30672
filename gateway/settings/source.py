"""Where a config came from, so that any fault found in it can be placed."""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.settings.faults import ENVIRONMENT, ConfigFault
from gateway.settings.locate import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.settings.locate import KeyPath


@dataclass(frozen=True, slots=True)
class Source:
    """Where a config came from.

    Attributes:
        file: Its name as given; `built-in defaults` without one.
        path: The file, or None for the built-in defaults.
        lines: Line of every key.
        overrides: Keys that an environment variable set, with its name.
    """

    file: str = "built-in defaults"
    path: Path | None = None
    lines: Mapping[KeyPath, int] = field(default_factory=lambda: types.MappingProxyType({}))
    overrides: Mapping[KeyPath, str] = field(default_factory=lambda: types.MappingProxyType({}))

    def fault(self, path: KeyPath, message: str, cure: str) -> ConfigFault:
        """A fault at a key of this config."""
        if path in self.overrides:
            return ConfigFault(ENVIRONMENT, 0, self.overrides[path], message, cure)
        line = line_of(self.lines, path) if self.lines else 0
        return ConfigFault(self.file, line, dotted(path), message, cure)


def dotted(path: KeyPath) -> str:
    """A key as people write it: `rights.dinas.fields[2]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
