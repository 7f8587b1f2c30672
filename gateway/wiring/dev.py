"""Development mode: the files of enabled extensions are watched, and a change reloads the gateway with the new code.

```
every half second: times and sizes of files ─► changed? ─► forget the extension's modules ─► the reload of SIGHUP
```
Only extensions are loaded anew; the gateway's own code and the config's pinned keys need a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from gateway.registry.finding import enabled_in, found
from gateway.registry.manifest import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.settings import Settings

WATCHED = frozenset({".css", ".html", ".js", ".py", ".svg", ".toml"})
"""Kinds of files whose change reloads; editors write others beside them."""

LOOK_EVERY = 0.5
"""Seconds between two looks at the files."""

log = structlog.get_logger("gateway.process")

Seen = dict[Path, tuple[int, int]]


class SourceWatch:
    """The files of the extensions a config enables.

    Args:
        settings: Gives the present config.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._seen: dict[str, Seen] = self._look()

    def changed(self) -> list[str]:
        """The extensions whose files changed since the last call; their modules are forgotten."""
        now = self._look()
        names = [name for name, files in now.items() if files != self._seen.get(name, files)]
        for name in names:
            _forget(name, self._seen[name].keys() | now[name].keys())
        self._seen = now
        return names

    def _look(self) -> dict[str, Seen]:
        points = found()
        folders: Mapping[str, Path | None] = {
            name: folder_of(points[name]) for _, name, _ in enabled_in(self._settings()) if name in points
        }
        return {name: _files(folder) for name, folder in folders.items() if folder is not None}


async def watch_forever(watch: SourceWatch, reload: Callable[[], None]) -> None:
    """Reload whenever files changed, until cancelled; a look that fails is logged and does not end the watch."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        try:
            names = watch.changed()
        except Exception:  # whatever happens to files that are being worked on
            log.exception("gateway.dev.failed")
            continue
        if names:
            log.info("gateway.dev.changed", extensions=names)
            reload()


def _files(folder: Path) -> Seen:
    """Times and sizes of the files that count; editors' own and those that go away meanwhile are passed over."""
    seen = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.suffix in WATCHED and not name.startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    facts = path.stat()
                    seen[path] = (facts.st_mtime_ns, facts.st_size)
    return seen


def _forget(name: str, files: set[Path]) -> None:
    """Let the next import read the files again, also where they changed twice within a second."""
    module = found()[name].module
    for known in [known for known in sys.modules if known == module or known.startswith(f"{module}.")]:
        del sys.modules[known]
    for file in files:
        if file.suffix == ".py":
            Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
    importlib.invalidate_caches()
