"""Makes a database of a second copy again.

```
newest base ─► the records of its log ─► the log that follows it, if it was copied to its end ─► …
```

A log without its own base continues the one before; one that follows nothing and has no base was never promised to
anybody. A record that is torn or damaged ends it there: the copy leads as far as that.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.database.second_copy.log import base_file, epochs, log_file, read_head, read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.database.second_copy.log import Head, Record


@dataclass(frozen=True, slots=True)
class Assembled:
    """A database that was made of a copy.

    Attributes:
        base: Number of the base it began with.
        records: Records that were added.
        at_ms: When the last of them was copied, Unix milliseconds; 0 if there was none.
    """

    base: int
    records: int
    at_ms: int


def is_copy(folder: Path) -> bool:
    """Whether a folder holds a whole copy of a database."""
    return bool(epochs(folder)["base"])


def assemble(folder: Path, target: Path, tell: Callable[[int], None] = lambda _: None) -> Assembled:
    """Make the database file; it is not synced.

    Args:
        folder: Of the database's copy.
        target: The file; replaced if it is there.
        tell: Told how many records were added so far.

    Raises:
        FileNotFoundError: There is no base in the folder.
        OSError: It cannot be read or written.
    """
    base = max(epochs(folder)["base"], default=0)
    shutil.copyfile(base_file(folder, base), target)
    target.chmod(0o600)
    count = at_ms = 0
    with target.open("r+b") as file:
        for record in _records(folder, base):
            _apply(file.fileno(), record)
            count, at_ms = count + 1, record.at_ms
            tell(count)
    return Assembled(base, count, at_ms)


def _records(folder: Path, base: int) -> Iterator[Record]:
    epoch, records = base, 0
    for following in sorted(number for number in epochs(folder)["log"] if number >= base):
        with log_file(folder, following).open("rb") as file:
            head = read_head(file)
            if head is None or not _continues(head, base, epoch, records):
                return
            epoch, records = following, 0
            for record in read_records(file):
                records = record.number
                yield record


def _continues(head: Head, base: int, epoch: int, records: int) -> bool:
    if head.epoch == base:
        return True
    return head.follows is not None and (head.follows.epoch, head.follows.records) == (epoch, records)


def _apply(descriptor: int, record: Record) -> None:
    pages = record.pages
    for number, page in pages.pages.items():
        os.pwrite(descriptor, page, (number - 1) * pages.size)
    os.ftruncate(descriptor, pages.total * pages.size)
