"""`docs/reference/events.md`: every event that is logged, found in the code by its call."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.log import KEYS
from tests.docs.markdown import head, meanings, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_INTRO = """
Logs go to standard error, one line per event: JSON, or pretty on a terminal (`log.format`). Every line has `at`,
`level` and `event`. Fields outside the list in `gateway/log.py` are dropped and their names listed under `redacted`;
numbers of 13 digits and more are blotted out everywhere. No line holds a NIK, a KK, a name or a credential.

The mock's own lines (`mock_siak.…`) come from its own process.
"""
_LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_LINE = "line"

MOCK = "mock_siak."
"""Events of the mock's own process, whose log keeps every field."""


@dataclass(slots=True)
class Event:
    """One event and everything its calls say of it.

    Attributes:
        levels: Levels it is logged at.
        fields: Names of its fields.
        rooms: Where it is logged.
    """

    levels: set[str] = field(default_factory=set)
    fields: dict[str, None] = field(default_factory=dict)
    rooms: set[str] = field(default_factory=set)


def events(root: Path) -> dict[str, Event]:
    """Every event by name, sorted."""
    found: dict[str, Event] = {}
    for file in sorted(
        [*(root / "gateway").rglob("*.py"), *(root / "plugins").rglob("*.py"), *(root / "adapters").rglob("*.py")]
    ):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        room = ".".join(file.relative_to(root).with_suffix("").parts[:2])
        for name, level, names in _calls(tree):
            event = found.setdefault(name, Event())
            event.levels.add(level)
            event.fields.update(dict.fromkeys(names))
            event.rooms.add(room)
    return dict(sorted(found.items()))


def _calls(tree: ast.Module) -> Iterator[tuple[str, str, list[str]]]:
    """Name, level and fields of every call of a logger in a module, also of those through a function of the module."""
    constants = _constants(tree)
    tellers = _tellers(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in tellers and node.args:
            name = _text(node.args[0], constants)
            if name is not None:
                yield name, *tellers[node.func.id]
        if isinstance(node, ast.Call) and (level := _level(node.func)) is not None:
            first = node.args[1 if level == _LINE else 0 :][:1]
            name = _text(first[0], constants) if first else None
            if name is not None and _NAME.fullmatch(name):
                shown = "warning, error" if level == _LINE else level
                yield name, shown, [each.arg for each in node.keywords if each.arg and each.arg != "exc_info"]


def _level(function: ast.expr) -> str | None:
    """The level of a logger's method; `line` is the renderer's own door for other libraries' records."""
    if isinstance(function, ast.Attribute):
        return _LINE if function.attr == _LINE else _LEVELS.get(function.attr)
    return "by outcome" if isinstance(function, ast.Name) and function.id == "log" else None


def _tellers(tree: ast.Module) -> dict[str, tuple[str, list[str]]]:
    """Functions that log the event they are given first: the level and the fields of their call."""
    tellers: dict[str, tuple[str, list[str]]] = {}
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.args.args:
            given = function.args.args[0].arg
            for node in ast.walk(function):
                level = _level(node.func) if isinstance(node, ast.Call) else None
                if isinstance(node, ast.Call) and level in _LEVELS.values() and _is_name(node.args[:1], given):
                    tellers[function.name] = str(level), [each.arg for each in node.keywords if each.arg]
    return tellers


def _is_name(nodes: list[ast.expr], name: str) -> bool:
    return bool(nodes) and isinstance(nodes[0], ast.Name) and nodes[0].id == name


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _text(node: ast.expr, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return constants.get(node.id) if isinstance(node, ast.Name) else None


def page(root: Path) -> str:
    """Text of the page."""
    found = events(root)
    said = meanings(root, "events", found)
    rows = [
        (
            f"`{name}`",
            ", ".join(sorted(event.levels)),
            said[name],
            " ".join(f"`{each}`" for each in event.fields if each in KEYS or name.startswith(MOCK)),
            ", ".join(f"`{room}`" for room in sorted(event.rooms)),
        )
        for name, event in found.items()
    ]
    return head("Log events", _INTRO) + "\n" + table(("event", "level", "means", "fields", "where"), rows)
