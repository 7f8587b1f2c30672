"""Where a config came from, so that any fault found in it can be placed."""

from __future__ import annotations

import json
import re
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.settings.faults import ENVIRONMENT, ConfigFault
from gateway.settings.locate import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.settings.locate import KeyPath

_BARE = re.compile(r"[A-Za-z0-9_-]+")


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
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text
