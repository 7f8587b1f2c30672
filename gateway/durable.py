"""What makes files and their names survive a power cut; used by every room that writes files of its own.

A file's content is durable once the file was synced, its name once the folder was. Names of folders that were just
made need their parents synced too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sync_file(path: Path) -> None:
    """Make a file's content durable.

    Raises:
        OSError: It could not be made so, or is not there.
    """
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: files that were made, renamed or deleted in it.

    Raises:
        OSError: They could not be made so, or there is no such folder.
    """
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
