"""Small pieces of Markdown that the generated pages share."""

from __future__ import annotations

import inspect
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

MEANINGS = "docs/reference/meanings.toml"
"""What people wrote about events and errors, by name; everything else on a generated page comes from the code."""


class Unexplained(Exception):
    """A name in the code has no meaning written down, or a meaning belongs to nothing in the code."""


def head(title: str, intro: str) -> str:
    """The beginning of a generated page."""
    mark = "<!-- Generated from the code by `python -m tests.generated`; do not edit. -->"
    return f"{mark}\n# {title}\n\n{intro.strip()}\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars and line ends in cells are made harmless."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def said_of(thing: object) -> str:
    """A docstring with its indentation taken away."""
    return (inspect.getdoc(thing) or "").strip()


def meanings(root: Path, kind: str, names: Iterable[str]) -> Mapping[str, str]:
    """The meanings of one kind, one for each name and no others.

    Raises:
        Unexplained: A name has none, or a meaning has no name.
    """
    written: dict[str, str] = tomllib.loads((root / MEANINGS).read_text(encoding="utf-8"))[kind]
    wanted = set(names)
    odd = [f"{name} has no meaning" for name in sorted(wanted - set(written))]
    odd += [f"{name} is not in the code" for name in sorted(set(written) - wanted)]
    if odd:
        raise Unexplained(f"{MEANINGS} [{kind}]: {'; '.join(odd)}")
    return written
