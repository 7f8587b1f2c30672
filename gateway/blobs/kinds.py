"""What a file is, told by its first bytes and by nothing its sender says (pure)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD: Final = 8
"""Bytes that tell."""

KINDS: Final[Mapping[str, tuple[str, bytes]]] = MappingProxyType(
    {
        "jpeg": ("image/jpeg", b"\xff\xd8\xff"),
        "png": ("image/png", b"\x89PNG\r\n\x1a\n"),
        "pdf": ("application/pdf", b"%PDF-"),
    }
)
"""Media type and first bytes by the name the config uses."""


def media_of(head: bytes, names: frozenset[str]) -> str | None:
    """The media type of what begins so, if it is of one of the kinds named; None otherwise."""
    for name, (media, magic) in KINDS.items():
        if name in names and head.startswith(magic):
            return media
    return None
