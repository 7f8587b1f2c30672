"""Columns of wrapped keys: those under an older master are wrapped anew, so that the master can be dropped."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from gateway.vault.envelope import header_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.database.database import Database

AT_ONCE: Final = 200
"""Keys in one transaction."""


class WrappedKeys(NamedTuple):
    """Where wrapped keys stand.

    Attributes:
        id: Column of whose key it is; text, unique.
        key: Column of the wrapped key, in the same table.
    """

    id: sa.Column[str]
    key: sa.Column[bytes]


async def wrap_anew(
    database: Database, keys: WrappedKeys, master: int, rewrap: Callable[[str, bytes], bytes | None]
) -> int:
    """Wrap keys that another master sealed, a few at a time; how many there were.

    Args:
        database: Where they are.
        keys: Which.
        master: The present one.
        rewrap: Gives the new wrapped key of an id; None if it cannot be opened: then it stays as it is.

    Raises:
        StorageUnavailable: It could not be read or written.
    """
    count, after = 0, ""
    while found := await database.read(partial(_older, keys=keys, master=master, after=after)):
        anew = [(id_, old, new) for id_, old in found if (new := rewrap(id_, old)) is not None]
        if anew:
            count += await database.write(partial(_replace, keys=keys, changes=anew))
        after = found[-1][0]
    return count


def _older(connection: sa.Connection, keys: WrappedKeys, master: int, after: str) -> Sequence[tuple[str, bytes]]:
    """Ids and wrapped keys of some that another master sealed, in order of their ids."""
    id_, key = keys
    start = header_of(master)
    other = sa.not_(key.between(start, start + b"\xff\xff"))  # a month comes next, and never that one
    found = sa.select(id_, key).where(id_ > after, other).order_by(id_).limit(AT_ONCE)
    return [(row[0], bytes(row[1])) for row in connection.execute(found)]


def _replace(connection: sa.Connection, keys: WrappedKeys, changes: Sequence[tuple[str, bytes, bytes]]) -> int:
    """Put new wrapped keys in place of old ones that are still there (id, old, new); how many."""
    id_, key = keys
    count = 0
    for whose, old, new in changes:
        same = sa.update(id_.table).where(id_ == whose, key == old)
        count += connection.execute(same.values({key: new})).rowcount
    return count
