"""The extension that is looked at: its files, its class, its examples, and stages it plays on."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING, Any

import tomlkit

from gateway.registry.finding import found, manifest_of
from gateway.registry.loading import Broken, class_of
from gateway.registry.manifest import folder_of
from gateway.registry.registry import Registry
from gateway.settings.loading import loads
from gateway.testing.examples import ExampleFault, config_of, read_examples, secrets_of
from gateway.testing.stage import Stage
from gateway.wiring.offline import offline_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint
    from pathlib import Path

    from gateway.contract import Extension
    from gateway.registry.manifest import Kind, Manifest
    from gateway.registry.registry import Member
    from gateway.testing.examples import Example


_SOON = """
[outbox]
deadline = 1.0
margin = 1.0
"""
"""Hand-ins of which nothing is heard are asked about within the drill's patience."""


class Unusable(Exception):  # its text is the message
    """The extension cannot be looked at that far."""


class Subject:
    """One installed extension.

    Args:
        name: Its entry point's name.
        work: An empty folder for the stages' data.

    Raises:
        Unusable: No extension of that name is installed.
    """

    def __init__(self, name: str, work: Path) -> None:
        points = found()
        if name not in points:
            raise Unusable(f"no extension {name} is installed; installed: {', '.join(sorted(points)) or 'none'}")
        self.name = name
        self.point: EntryPoint = points[name]
        self.folder = folder_of(self.point)
        self._work = work
        self._stages = 0

    @cached_property
    def manifest(self) -> Manifest | None:
        """Its manifest, where that can be read."""
        return manifest_of(self.point)[0]

    @property
    def kind(self) -> Kind:
        """Plugin or adapter; an adapter where no manifest tells."""
        return self.manifest.kind if self.manifest else "adapter"

    @property
    def docs(self) -> str:
        """The text of its README; empty without one."""
        name = self.manifest.docs if self.manifest else "README.md"
        file = None if self.folder is None else self.folder / name
        return file.read_text(encoding="utf-8") if file is not None and file.is_file() else ""

    def sources(self) -> Iterator[tuple[Path, ast.Module]]:
        """Its modules, tests left out, each with its path below the extension's folder.

        Raises:
            Unusable: One is no Python.
        """
        folder = self.folder
        if folder is None:
            raise Unusable("it is not a package: a folder of the entry point's module is needed")
        for file in sorted(folder.rglob("*.py")):
            try:
                yield file.relative_to(folder), ast.parse(file.read_bytes())
            except SyntaxError as error:
                raise Unusable(f"{file.relative_to(folder)}:{error.lineno} is no Python") from None

    @cached_property
    def cls(self) -> type[Extension]:
        """Its class.

        Raises:
            Unusable: It is not what the contract asks for.
        """
        try:
            return class_of(self.point)
        except Broken as error:
            raise Unusable(f"{error}: {error.__cause__}" if error.__cause__ else str(error)) from error

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """Its example cases; none where a file of them is wrong, which its own rule tells."""
        try:
            return read_examples(self.folder / "examples") if self.folder is not None else ()
        except ExampleFault:
            return ()

    @property
    def hands_in(self) -> bool:
        """Whether one of its examples hands something in."""
        return any(each.request.hands_in for each in self.examples)

    @cached_property
    def member(self) -> Member:
        """It, built with its hooks asked, but not opened.

        Raises:
            Unusable: It cannot be built.
        """
        registry = Registry.build(loads(self._config(), None, {}), offline_host)
        if registry.failures:
            raise Unusable(f"{registry.failures[0].stage}: {registry.failures[0].reason}")
        return registry.members[0]

    def stage(self, *, again: bool = False) -> Stage:
        """A new gateway with it enabled, beside a mocked centre; enter it to start.

        Args:
            again: In the folder of the stage before, as after a restart.
        """
        self._stages += not again
        names = {f"{self.kind}s": (self.name,)}
        return Stage(self._work / str(self._stages), config=f"{_SOON}{self._table()}", **names)

    def key_of(self, stage: Stage, name: str = "drill", **facts: Any) -> str:
        """A key that may use it: bound to it where it is an adapter, and told to it where its secrets name a key."""
        key = stage.add_client(name, adapter=self.name if self.kind == "adapter" else None, **facts)
        if self.folder is not None:
            stage.give_secrets(self.name, secrets_of(self.folder / "examples", key))
        return key

    def _config(self) -> str:
        return f'[{self.kind}s]\nenabled = ["{self.name}"]\n{self._table()}'

    def _table(self) -> str:
        table = config_of(self.folder / "examples") if self.folder is not None else {}
        return tomlkit.dumps({f"{self.kind}s": {self.name: table}}) if table else ""
