"""The texts of our own pages: `texts/id.toml` and `texts/en.toml`, with the same keys in both."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.pages.language import Language


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Every text of a language by its key, such as `page.skip`; `{name}` in a text stands for a value."""
    read = resources.files(__package__).joinpath("texts", f"{language}.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {f"{group}.{key}": text for group, inner in tomllib.loads(read).items() for key, text in inner.items()}
    )


def text(language: Language, key: str, /, **values: object) -> str:
    """One text, with its values put in.

    Raises:
        KeyError: There is no such text, or a value is missing.
    """
    found = texts(language)[key]
    return found.format(**values) if values else found
