"""Rules that are read off the files of an extension: manifest, README, imports, types."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from gateway.registry.finding import found, manifest_of
from gateway.testing.licence.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.testing.licence.subject import Subject

ALLOWED = ("gateway.contract", "gateway.catalogue")
"""All that an extension may import of the gateway."""

_FOLDERS = frozenset({"gateway", "plugins", "adapters"})
"""Packages whose members are what counts, not they themselves."""

_IMPORTERS = frozenset({"import_module", "__import__"})
_FEWEST_WORDS = 40
_SETTING = re.compile(r"\s*#\s*mypy\s*:")
_FIGURE = re.compile(r"\d[\d.,]*\s?(?:µs|us|ms)\b")
_MYPY_WITHIN = 300.0


def manifest(subject: Subject) -> Iterator[str]:
    """It is there, agrees with the entry point, and stands to each rule of its tier."""
    if subject.folder is None:
        yield "it is not a package: manifest.toml stands beside its class's module"
        return
    told, fault = manifest_of(subject.point)
    if fault:
        yield fault
    elif told is None:
        yield "manifest.toml is missing"


def readme(subject: Subject) -> Iterator[str]:
    """It is there, long enough to say something, and tells how it is switched on."""
    text = subject.docs
    if not text:
        yield "its README is missing"
        return
    if len(text.split()) < _FEWEST_WORDS:
        yield f"it has {len(text.split())} words, fewer than {_FEWEST_WORDS}"
    if f"[{subject.kind}s]" not in text and f"enable {subject.name}" not in text:
        yield f"it does not show how {subject.name} is switched on"


def measured(subject: Subject) -> Iterator[str]:
    """The README holds a figure with a unit of time."""
    if not _FIGURE.search(subject.docs):
        yield "its README names no cost per request"


def imports(subject: Subject) -> Iterator[str]:
    """Every import of the gateway is of its contract or its catalogue, and none is of another extension."""
    own = subject.point.module
    others = {point.module for name, point in found().items() if name != subject.name} - {own}
    for file, tree in subject.sources():
        for node in ast.walk(tree):
            if fault := _hidden(node):
                yield f"{file}:{getattr(node, 'lineno', 0)} {fault}"
            for module in _imported(node, len(file.parts)):
                if _is_foreign(module, others, own):
                    yield f"{file}:{getattr(node, 'lineno', 0)} imports {module}"


def _imported(node: ast.AST, depth: int) -> tuple[str, ...]:
    """The modules a statement imports; relative ones only where they lead out of the extension."""
    if isinstance(node, ast.Import):
        return tuple(alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and not node.level:
        module = node.module or ""
        return tuple(f"{module}.{alias.name}" for alias in node.names) if module in _FOLDERS else (module,)
    if isinstance(node, ast.ImportFrom) and node.level > depth:
        return ("." * node.level + (node.module or ""),)
    if isinstance(node, ast.Call) and _name_of(node.func) in _IMPORTERS:
        first = node.args[0] if node.args else None
        return (str(first.value),) if isinstance(first, ast.Constant) else ()
    return ()


def _hidden(node: ast.AST) -> str:
    """Why nobody can read off what a statement imports; empty where one can."""
    if isinstance(node, ast.Call) and _name_of(node.func) in _IMPORTERS:
        named = node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
        return "" if named else f"calls {_name_of(node.func)} with a name that is made up while it runs"
    if isinstance(node, ast.ImportFrom) and node.module in {"importlib", "builtins"}:
        renamed = [alias.name for alias in node.names if alias.name in _IMPORTERS and alias.asname]
        return f"imports {renamed[0]} under another name" if renamed else ""
    return ""


def _name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _is_foreign(module: str, others: set[str], own: str) -> bool:
    if module.startswith("."):
        return True
    if module == "gateway" or module.startswith("gateway."):
        return not any(module == allowed or module.startswith(f"{allowed}.") for allowed in ALLOWED)
    if module == own or module.startswith(f"{own}."):
        return False
    return any(module == other or module.startswith(f"{other}.") for other in others)


def typed(subject: Subject) -> Iterator[str]:
    """`mypy --strict` finds nothing."""
    if importlib.util.find_spec("mypy") is None:
        yield "mypy is not installed here, so nobody knows"
        return
    if subject.folder is None:
        yield "it is not a package"
        return
    for file in sorted(subject.folder.rglob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if _SETTING.match(line):
                yield f"{file.relative_to(subject.folder)}:{number} sets mypy's options by a comment"
    # No config of the folder the command is called in, nor of the user, makes it milder.
    command = [sys.executable, "-m", "mypy", "--config-file=", "--strict", "--no-error-summary", str(subject.folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_MYPY_WITHIN)
    if ended.returncode:
        yield from (ended.stdout + ended.stderr).splitlines()[:5]


RULES = (
    Rule(
        "manifest",
        "manifest.toml names owner, docs, titles in both languages, and stands to each rule of its tier.",
        "write it as docs/how-to/write-a-plugin.md shows, or claim a lower tier",
        manifest,
        running=False,
    ),
    Rule(
        "readme",
        "A README says what it does, for whom, and how it is switched on.",
        "write it in Indonesian with English beside",
        readme,
        "bronze",
        running=False,
    ),
    Rule(
        "imports",
        "It imports gateway.contract and gateway.catalogue only, and no other extension.",
        "reach the gateway through self.host",
        imports,
        running=False,
    ),
    Rule(
        "measured",
        "Its cost per request has been measured.",
        "measure it and say the figure in the README",
        measured,
        "gold",
        running=False,
    ),
    Rule(
        "typed",
        "It passes mypy --strict.",
        "run mypy --strict on it and mend what it names",
        typed,
        "gold",
        running=False,
    ),
)
"""What can be told without running it."""
