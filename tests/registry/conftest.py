"""Extensions made for a test: real packages with metadata on `sys.path`, found through real entry points."""

from __future__ import annotations

import importlib
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest
import structlog

from gateway.contract import FollowStatus
from gateway.settings import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from pathlib import Path

    import httpx
    import sqlalchemy as sa
    from structlog.typing import FilteringBoundLogger

    from gateway.contract import (
        Answer,
        Asking,
        Caller,
        CentreEvent,
        CentreStatus,
        Clock,
        Host,
        HostPages,
        Job,
        KnownKey,
        Question,
        Receipt,
        Right,
        Standing,
        Submission,
        Waiting,
    )
    from gateway.settings import Settings

T = TypeVar("T")


class Desk:
    """A host that tells the time and is good for nothing else."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log: FilteringBoundLogger = structlog.get_logger()
        self.clock: Clock = self

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    @property
    def http(self) -> httpx.AsyncClient:
        """No outbound client here."""
        raise LookupError

    @property
    def pages(self) -> HostPages:
        """No pages here."""
        raise LookupError

    def secret(self, name: str) -> str:
        """No secrets here."""
        raise LookupError(name)

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Nobody is known here."""
        raise LookupError(len(headers))

    def right(self, caller: Caller) -> Right | None:
        """Nobody has a right here."""
        raise LookupError(caller)

    def known_key(self, key: str) -> KnownKey:
        """Nobody is known here."""
        raise LookupError(len(key))

    def allowance_left(self, caller: Caller) -> int | None:
        """Nothing is counted here."""
        raise LookupError(caller)

    async def ask(self, caller: Caller, question: Question, asking: Asking) -> Answer:
        """Nothing can be asked here."""
        raise LookupError(caller, question, asking)

    async def submit(
        self,
        caller: Caller,
        submission: Submission,
        key: str | None,
        *,
        filed_at: float | None = None,
        in_review: bool = False,
    ) -> Receipt:
        """Nothing can be handed in here."""
        raise LookupError(caller, submission.service, key, filed_at, in_review)

    async def attach(
        self, caller: Caller, sha256: str, offset: int, length: int, pieces: AsyncIterator[bytes], until: float
    ) -> int:
        """Nothing is kept here."""
        raise LookupError(caller, sha256, offset, length, pieces, until)

    async def track(self, caller: Caller, submission: str) -> Standing:
        """Nothing was handed in here."""
        raise LookupError(caller, submission)

    def copies(self) -> int:
        """The second one is in step."""
        return 2

    async def waiting(self) -> tuple[Waiting, ...]:
        """Nothing waits here."""
        return ()

    def on_event(self, observer: Callable[[CentreEvent], object]) -> None:
        """No centre here."""
        raise LookupError(observer)

    async def follow_status(self) -> FollowStatus:
        """As the test wants."""
        return FollowStatus(None, 0, 0)

    def centre_status(self) -> tuple[CentreStatus, ...]:
        """No centre here."""
        return ()

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """No storage here."""
        raise LookupError(work)

    async def transaction(self, work: Callable[[sa.Connection], T]) -> T:
        """No storage here."""
        raise LookupError(work)

    def every(self, job: Job) -> None:
        """No jobs here."""
        raise LookupError(job)


class Install(Protocol):
    """Installs a package with extensions."""

    def __call__(self, name: str, source: str, manifest: str = "", *, attribute: str = "Ext") -> None:
        """Install an extension called `name` whose module has this source."""


@pytest.fixture
def host_for() -> Callable[[str], Host]:
    """Gives each extension its host."""
    return Desk


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs packages into a folder on `sys.path`; they are forgotten after the test."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    made: list[str] = []

    def add(name: str, source: str, manifest: str = "", *, attribute: str = "Ext") -> None:
        module = f"outside_{name}"
        package = site / module
        package.mkdir()
        (package / "__init__.py").write_text(HEAD + textwrap.dedent(source))
        if manifest:
            (package / "manifest.toml").write_text(manifest)
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[siak_gateway]\n{name} = {module}:{attribute}\n")
        made.append(module)
        importlib.invalidate_caches()

    yield add
    for module in made:
        sys.modules.pop(module, None)


HEAD = """
from gateway.contract import *
from gateway.contract.web import *
from gateway.contract.errors import *
import asyncio
"""


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], Settings]:
    """Settings from a text of TOML."""

    def read(text: str) -> Settings:
        file = tmp_path / "gateway.toml"
        file.write_text(text)
        return load(file, {})

    return read
