"""Makes an installed extension raise, at a moment of its life that is chosen, by standing before it on the path.

The class is a subclass of the real one, found through an entry point of its own: the gateway loads it as it loads any.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.testing.licence.subject import Subject

Moment = Literal["start", "request", "close"]

_numbers = count(1)

_HEAD = """
from dataclasses import replace
from gateway.contract import Allowed, hookimpl
from {module} import {attribute} as Real

class Planned(RuntimeError):
    pass

class Policy:
    def __init__(self, real):
        self._real = real
    async def before(self, intent):
        await self._real.before(intent)
        raise Planned("a failure of the drill")

def failing(handler):
    async def handle(request):
        await handler(request)
        raise Planned("a failure of the drill")
    return handle

class Raising(Real):
"""

_BODIES: dict[Moment, str] = {
    "start": """
    async def open(self):
        raise Planned("a failure of the drill")
""",
    "close": """
    async def close(self):
        await super().close()
        raise Planned("a failure of the drill")
""",
    "request": """
    if hasattr(Real, "gateway_routes"):
        @hookimpl
        def gateway_routes(self):
            return [replace(route, handler=failing(route.handler)) for route in super().gateway_routes()]
    if hasattr(Real, "gateway_policies"):
        @hookimpl
        def gateway_policies(self):
            return [Policy(policy) for policy in super().gateway_policies()]
    if hasattr(Real, "gateway_exchange_finished"):
        @hookimpl
        def gateway_exchange_finished(self, record):
            super().gateway_exchange_finished(record)
            raise Planned("a failure of the drill")
    planned = True
""",
}


@contextmanager
def raising(subject: Subject, moment: Moment) -> Iterator[None]:
    """While the block runs, whoever loads the extension gets one that raises.

    Start: `open` raises at once. Request: each handler, policy and observer does its work, then raises; so does close.
    """
    folder = Path(tempfile.mkdtemp(prefix="gateway-drill-"))
    module = f"gateway_drill_{next(_numbers)}"
    head = _HEAD.format(module=subject.point.module, attribute=subject.point.attr)
    _install(folder, module, subject, head + _BODIES[moment])
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(module, None)
        importlib.invalidate_caches()
        shutil.rmtree(folder, ignore_errors=True)


def _install(folder: Path, module: str, subject: Subject, source: str) -> None:
    package = folder / module
    package.mkdir()
    (package / "__init__.py").write_text(source, encoding="utf-8")
    if subject.folder is not None and (subject.folder / "manifest.toml").is_file():
        shutil.copy(subject.folder / "manifest.toml", package)
    facts = folder / f"{module}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text(f"[siak_gateway]\n{subject.name} = {module}:Raising\n", encoding="utf-8")
