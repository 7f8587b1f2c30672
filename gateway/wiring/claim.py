"""Who serves a data folder: a lock that the kernel frees however its holder ends.

On SQLite the allowance, the keys in memory and what is remembered belong to one process, so a second gateway on the
same folder is refused at its start. Gateways on one PostgreSQL share what they must; they need no lock.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVING = "serving"
"""Lock of a gateway."""

TRIAL = "trial"
"""Lock of a trial (`siak-gateway run`): its mock, its `demo.json`."""


class FolderTaken(Exception):  # its text is the message
    """Another process serves this data folder."""


@contextmanager
def claimed(folder: Path, name: str) -> Iterator[None]:
    """Hold a lock of a data folder, which is made when it is not there.

    Args:
        folder: The data folder.
        name: `SERVING` or `TRIAL`.

    Raises:
        FolderTaken: Another process holds it; the text names the process and the cure.
        OSError: The folder or the lock file cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderTaken(_told(folder, os.pread(descriptor, 20, 0))) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _told(folder: Path, holder: bytes) -> str:
    pid = holder.decode("ascii", "replace").strip()
    return (
        f"{folder} is in use by another gateway{f' (process {pid})' if pid else ''}; "
        "cure: stop that one, or give this one a folder of its own with SIAK_GATEWAY_VAR or [data] folder"
    )
