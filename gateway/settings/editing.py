"""Changes the config file in place: comments and order stay, and a half-written file is never seen."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import tomlkit
from tomlkit.items import Array

from gateway.durable import sync_folder


def with_extension(text: str, table: str, name: str, *, enabled: bool) -> str:
    """The config's text with an extension at the end of, or out of, `[<table>] enabled`.

    Args:
        text: Valid TOML.
        table: `plugins` or `adapters`.
        name: The extension.
        enabled: Whether it shall be loaded; where that is so already, the text comes back unchanged.
    """
    document = tomlkit.parse(text)
    holder = document.setdefault(table, tomlkit.table())
    names = holder.setdefault("enabled", tomlkit.array())
    if not isinstance(names, Array) or (name in names) is enabled:
        return text
    if enabled:
        names.append(name)
    else:
        names.remove(name)
    return tomlkit.dumps(document)


def replace_file(path: Path, text: str) -> None:
    """Put a new text into a file at once: readers see the old or the new one, also after a power cut.

    Owner and mode stay; a symbolic link goes on pointing at the same file.

    Raises:
        OSError: It cannot be written; the old file is untouched.
    """
    target = path.resolve()
    before = target.stat()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
