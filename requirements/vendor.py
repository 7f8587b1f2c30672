"""Puts the vendored files of the pages in place, from the packages that `npm pack` brings; needs Python only.

`npm pack govuk-frontend@6.6.0 htmx.org@4.0.1`, then `python requirements/vendor.py FOLDER`. What is changed on the way
stands in `CHANGES`; versions, licences and hashes are written to `gateway/pages/assets/vendored.toml`.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ASSETS = Path(__file__).resolve().parent.parent / "gateway" / "pages" / "assets"
SYSTEM_FONTS = 'system-ui,"Segoe UI",Roboto,"Noto Sans",arial,sans-serif'


def plain_style(text: str) -> str:
    """Without the fonts and the crest, whose use is not ours, and without a source map's address."""
    text = re.sub(r"@font-face\{[^}]*\}", "", text)
    text = text.replace("GDS Transport,arial,sans-serif", SYSTEM_FONTS)
    text = re.sub(r"(?:-webkit-)?(?:background|mask)-image:url\([^)]*crest\.svg\)", "", text)
    return without_map(text)


def without_map(text: str) -> str:
    """Without the address of a source map."""
    return re.sub(r"(?:/\*|//)# sourceMappingURL=\S+(?: ?\*/)?\s*$", "", text).rstrip() + "\n"


@dataclass(frozen=True)
class Vendored:
    """One file that comes from a package."""

    file: str
    package: str
    version: str
    licence: str
    source: str
    changed: str
    change: Callable[[str], str]


GOVUK = ("govuk-frontend", "6.6.0", "MIT")
HTMX = ("htmx.org", "4.0.1", "0BSD")
FILES = (
    Vendored(
        "govuk-frontend.css",
        *GOVUK,
        "dist/govuk/govuk-frontend.min.css",
        "fonts and crest taken out, system fonts instead, no source map",
        plain_style,
    ),
    Vendored("govuk-frontend.js", *GOVUK, "dist/govuk/govuk-frontend.min.js", "no source map", without_map),
    Vendored("htmx.js", *HTMX, "dist/htmx.min.js", "no source map", without_map),
)


def main(folder: Path) -> None:
    """Write the files and the list of them."""
    entries = ["# Written by requirements/vendor.py: what comes from elsewhere, unchanged but for what is said.\n"]
    for one in FILES:
        with tarfile.open(folder / f"{one.package}-{one.version}.tgz") as packed:
            member = packed.extractfile(f"package/{one.source}")
            if member is None:
                raise FileNotFoundError(one.source)
            upstream = member.read()
        ours = one.change(upstream.decode()).encode()
        (ASSETS / one.file).write_bytes(ours)
        told = {
            "file": one.file, "name": one.package, "version": one.version, "licence": one.licence,
            "package": f"npm {one.package}@{one.version}", "source": one.source, "changed": one.changed,
            "source_sha256": hashlib.sha256(upstream).hexdigest(), "sha256": hashlib.sha256(ours).hexdigest(),
        }  # fmt: skip
        entries.append("[[asset]]\n" + "".join(f'{key} = "{value}"\n' for key, value in told.items()))
    (ASSETS / "vendored.toml").write_text("\n".join(entries), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
