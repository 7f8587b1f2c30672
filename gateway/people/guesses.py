"""Wrong guesses, counted in the database: a restart forgets none, and all instances agree.

```
take(keys) ─► must wait? ─► seconds, nothing counted
           └► counted as wrong ─► the guess is looked at ─► right: forgive(keys)
```
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from gateway.database.database import insert_into
from gateway.people.account_tables import GUESSES
from gateway.people.guess_policy import FORGOTTEN, PACES, Tally, counted, wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract.host import Clock
    from gateway.database import Database


class GuessKey(NamedTuple):
    """One count.

    Attributes:
        kind: Its pace, of `guess_policy.PACES`.
        key: Keyed hash of what it is counted for.
        is_forgiven: Whether a right guess clears it: not where an attacker's own account would clear it.
    """

    kind: str
    key: bytes
    is_forgiven: bool = True


class Guesses:
    """The counts of one installation.

    Args:
        database: Holds them.
        clock: The gateway's clock.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self, keys: Sequence[GuessKey]) -> float:
        """Count a guess under all keys, unless one of them has to wait.

        Returns:
            Seconds to wait; 0 where it was counted and may be looked at.

        Raises:
            StorageUnavailable: It could not be counted; it must not be looked at.
        """
        now = self._clock.now()
        return await self._database.write(lambda connection: _take(connection, keys, now))

    async def forgive(self, keys: Sequence[GuessKey]) -> None:
        """The guess was right: clear what it was counted under, or take it back where that is shared.

        Raises:
            StorageUnavailable: It stays counted.
        """
        await self._database.write(lambda connection: _forgive(connection, keys))

    async def sweep(self) -> None:
        """Delete counts that are nothing any more; for a job."""
        old = sa.delete(GUESSES).where(GUESSES.c.at < self._clock.now() - FORGOTTEN)
        await self._database.write(lambda connection: connection.execute(old).rowcount)


def _take(connection: sa.Connection, keys: Sequence[GuessKey], now: float) -> float:
    """On PostgreSQL the rows are locked in the order of their keys, so that two instances count one after the other."""
    blank = [{"key": one.key, "failures": 0.0, "at": now} for one in sorted(keys, key=lambda one: one.key)]
    connection.execute(insert_into(connection, GUESSES).values(blank).on_conflict_do_nothing())
    mine = sa.select(GUESSES).where(GUESSES.c.key.in_([one.key for one in keys]))
    locked = connection.execute(mine.order_by(GUESSES.c.key).with_for_update())
    tallies = {bytes(row.key): Tally(row.failures, row.at) for row in locked}
    longest = max(wait(PACES[one.kind], tallies[one.key], now) for one in keys)
    if longest > 0:
        return longest
    for one in keys:
        tally = counted(PACES[one.kind], tallies[one.key], now)
        connection.execute(sa.update(GUESSES).where(GUESSES.c.key == one.key).values(**tally._asdict()))
    return 0.0


def _forgive(connection: sa.Connection, keys: Sequence[GuessKey]) -> None:
    cleared = [one.key for one in keys if one.is_forgiven]
    shared = [one.key for one in keys if not one.is_forgiven]
    connection.execute(sa.delete(GUESSES).where(GUESSES.c.key.in_(cleared)))
    less = sa.case((GUESSES.c.failures > 1.0, GUESSES.c.failures - 1.0), else_=0.0)
    connection.execute(sa.update(GUESSES).where(GUESSES.c.key.in_(shared)).values(failures=less))


def network_of(address: str) -> str:
    """The network an address counts for: an IPv4 address alone, an IPv6 one with its /64, which one line has whole."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found if isinstance(found, ipaddress.IPv4Address) else found.ipv4_mapped)
