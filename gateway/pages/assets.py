"""Styles, scripts and pictures of one folder, under addresses that name their content, so that browsers keep them.

The digest in an address is that of the whole folder: modules that import each other by relative addresses always meet
the version they were written for. An address with another digest (a page from before an upgrade, or from a neighbour
that is a version ahead) gets what there is now, not to be kept.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.contract.errors import NotFound
from gateway.contract.web import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".webp": "image/webp",
        ".woff2": "font/woff2",
        ".webmanifest": "application/manifest+json",
    }
)
"""Media type by ending; files of other endings are not served."""

FOREVER: Final = "public, max-age=31536000, immutable"
OWN: Final = "gateway"
"""Owner of the gateway's own assets."""

_WORTH_IT = 0.9
"""Share of its size under which a file is sent compressed."""


class NoSuchAsset(LookupError):
    """A page names an asset that its folder does not have."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file as it is sent."""

    content: bytes
    packed: bytes | None
    kind: str
    tag: str


class AssetFolder:
    """The files of one folder, read once; each is compressed when it is first asked for.

    Args:
        owner: `gateway`, or the extension's name; part of every address.
        folder: Where they are; folders within it are not looked at.
    """

    def __init__(self, owner: str, folder: Traversable) -> None:
        self.owner = owner
        self._contents = dict(_files(folder))
        self._ready: dict[str, _File] = {}
        digest = hashlib.sha256()
        for name, content in sorted(self._contents.items()):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        self.digest = digest.hexdigest()[:16]

    @property
    def names(self) -> tuple[str, ...]:
        """The files there are."""
        return tuple(self._contents)

    def address(self, name: str) -> str:
        """Where browsers find a file.

        Raises:
            NoSuchAsset: There is none of that name.
        """
        if name not in self._contents:
            raise NoSuchAsset(f"{self.owner} has no asset {name}")
        return f"/assets/{self.owner}/{self.digest}/{name}"

    def answer(self, digest: str, name: str, headers: Mapping[str, str]) -> Response:
        """The file, compressed where the browser takes that, or word that it has the same already.

        Raises:
            NotFound: There is none of that name.
        """
        file = self._file(name)
        packed = file.packed is not None and _takes_gzip(headers.get("accept-encoding", ""))
        tag = f'"{file.tag}-gz"' if packed else f'"{file.tag}"'
        fields: tuple[tuple[str, str], ...] = (
            ("etag", tag),
            ("cache-control", FOREVER if digest == self.digest else "no-cache"),
            ("vary", "accept-encoding"),
            ("cross-origin-resource-policy", "same-origin"),
        )
        if tag in headers.get("if-none-match", ""):
            return Response(b"", 304, file.kind, fields)
        if packed and file.packed is not None:
            return Response(file.packed, 200, file.kind, (*fields, ("content-encoding", "gzip")))
        return Response(file.content, 200, file.kind, fields)

    def _file(self, name: str) -> _File:
        found = self._ready.get(name)
        if found is None:
            content = self._contents.get(name)
            if content is None:
                raise NotFound("There is nothing at this address.")
            packed = gzip.compress(content, 9, mtime=0)
            kept = packed if len(packed) < len(content) * _WORTH_IT else None
            found = _File(content, kept, KINDS[_ending(name)], hashlib.sha256(content).hexdigest()[:32])
            self._ready[name] = found
        return found


@cache
def core_assets() -> AssetFolder:
    """The gateway's own assets."""
    return AssetFolder(OWN, resources.files(__package__).joinpath("assets"))


def _files(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_file() and _ending(entry.name) in KINDS:
            yield entry.name, entry.read_bytes()


def _ending(name: str) -> str:
    return f".{name.rpartition('.')[2]}"


def _takes_gzip(accepted: str) -> bool:
    for each in accepted.lower().split(","):
        coding, _, quality = each.partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
