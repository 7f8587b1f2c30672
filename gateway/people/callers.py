"""Callers and their keys: machine accounts of regional apps and desks.

```
add ──► key 1 ──rotate(overlap)──► key 1 until the overlap ends, key 2 ──revoke──► none, for good
```

All keys of a caller show its id and differ in their secrets. `find` works on a table in memory; `refresh` replaces the
table when the database's version says that something changed, here or in another process, and belongs into a
supervised job that runs every second. While the database cannot be reached the last table goes on serving.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypedDict, TypeVar

import structlog

from gateway.contract.errors import Conflict, FieldFault, Invalid, StorageUnavailable
from gateway.contract.messages import Caller, Priority
from gateway.database import AlreadyThere
from gateway.people import caller_rows
from gateway.people.key_table import KeyTable
from gateway.vault import api_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Unpack

    import sqlalchemy as sa

    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.people.caller_rows import CallerFacts
    from gateway.people.key_table import Proven

T = TypeVar("T")
log = structlog.get_logger()

YEAR = 365 * 86_400.0
"""How long a key lasts if nothing else is asked for; seconds."""

CENTURY = 100 * YEAR
"""Longest a key or an overlap may last; seconds."""

_NAME_LENGTH = 80


class Wanted(TypedDict, total=False):
    """What a new caller may do; what is left out, or None, has its default.

    Keys:
        right: Name of the right it asks under.
        village: Undotted code of the village it is bound to; all by default.
        adapter: The one adapter it may use; the native API by default.
        purposes: Purposes allowed; all of the right's by default.
        fields: Fields allowed; all of the right's by default.
        priority: Highest class it may claim; the counter's by default.
        may_skip_cache: Whether it may ask past the cache.
        expires_at: Unix seconds; a year from now by default.
    """

    right: str | None
    village: str | None
    adapter: str | None
    purposes: Iterable[str] | None
    fields: Iterable[str] | None
    priority: Priority
    may_skip_cache: bool
    expires_at: float | None


class KnownKey:
    """A key held by an extension on behalf of others: found once, then good until callers change or it expires.

    Args:
        text: The key.
        table: Gives the table in force; another one takes its place when callers change.
        clock: The gateway's clock.
    """

    __slots__ = ("_clock", "_in_force", "_proven", "_table", "_text")

    def __init__(self, text: str, table: Callable[[], KeyTable], clock: Clock) -> None:
        self._text = text
        self._in_force = table
        self._clock = clock
        self._table: KeyTable | None = None
        self._proven: Proven | None = None

    def caller(self) -> Caller:
        """Whose key it is now; no I/O.

        Raises:
            Unauthenticated: Unknown, wrong, expired or revoked; the text does not say which.
        """
        table, now = self._in_force(), self._clock.now()
        if table is not self._table or self._proven is None:
            self._proven = None
            self._proven, self._table = table.proven(self._text, now), table
        return table.use(self._proven, now)


class Callers:
    """The callers of one database.

    Call `refresh` once before the first `find`: until then every key is unknown.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        pepper: bytes,
        village_known: Callable[[str], bool],
        right_known: Callable[[str], bool] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._pepper = pepper
        self._village_known = village_known
        self._right_known = right_known
        self._used: dict[tuple[str, int], float] = {}
        self._table = KeyTable(None, (), pepper, self._used)
        self._refreshing = asyncio.Lock()

    def find(self, key: str) -> Caller:
        """The caller whose key this is; no I/O.

        Raises:
            Unauthenticated: Unknown, wrong, expired or revoked; the text does not say which.
        """
        return self._table.find(key, self._clock.now())

    def known(self, key: str) -> KnownKey:
        """A key that is asked about again and again."""
        return KnownKey(key, lambda: self._table, self._clock)

    def rights(self) -> frozenset[str]:
        """Names of the rights that living keys ask under; no I/O."""
        return self._table.rights(self._clock.now())

    def name_of(self, id_: str) -> str:
        """What admins call a caller that has not been revoked; empty if it is gone; no I/O."""
        return self._table.name_of(id_)

    async def add(self, name: str, **wanted: Unpack[Wanted]) -> tuple[Caller, str]:
        """Store a new caller and make its first key.

        Args:
            name: What admins call it; unique among callers not revoked.
            **wanted: What it may do.

        Returns:
            The caller, and its key: the only time it is shown.

        Raises:
            Invalid: Each wrong argument is named, as `/name`.
            Conflict: The name is taken.
            StorageUnavailable: Nothing was stored.
        """
        now, until = self._clock.now(), wanted.get("expires_at")
        until = now + YEAR if until is None else until
        key = api_keys.new_key()
        caller = _caller(key.id, name, wanted)
        self._check(caller, until - now)
        hashed = api_keys.hash_secret(key.secret, self._pepper)
        try:
            await self._change(
                lambda connection: caller_rows.insert(connection, caller, hashed, now=now, expires_at=until)
            )
        except AlreadyThere:
            raise Conflict(f"a caller named {name} is there already") from None
        return caller, key.text

    async def list(self) -> tuple[CallerFacts, ...]:
        """All callers by name, the revoked ones too."""
        return await self._database.read(caller_rows.every_caller)

    async def rotate(self, id_or_name: str, *, overlap: float = 0.0, expires_at: float | None = None) -> str:
        """Make a new key; the caller's other keys end with the overlap (seconds), or earlier.

        Returns:
            The key: the only time it is shown.

        Raises:
            NotFound: No such caller, or it is revoked.
            Conflict: Too many keys are alive.
            Invalid: The overlap is negative or the expiry past.
            StorageUnavailable: Nothing was stored.
        """
        now = self._clock.now()
        until = now + YEAR if expires_at is None else expires_at
        _refuse(_faults_of_times(until - now, overlap))
        secret = api_keys.new_key().secret
        hashed = api_keys.hash_secret(secret, self._pepper)

        def store(connection: sa.Connection) -> str:
            caller = caller_rows.find_living(connection, id_or_name)
            caller_rows.end_keys(connection, caller, at=now + overlap)
            caller_rows.add_key(connection, caller, hashed, now=now, expires_at=until)
            return caller

        caller = await self._change(store)
        return f"{api_keys.PREFIX}_{caller}_{secret}"

    async def revoke(self, id_or_name: str) -> None:
        """End all keys of a caller for good; its name is free again.

        Raises:
            NotFound: No such caller, or it is revoked already.
            StorageUnavailable: Nothing was stored.
        """
        now = self._clock.now()

        def store(connection: sa.Connection) -> None:
            caller = caller_rows.find_living(connection, id_or_name)
            caller_rows.end_keys(connection, caller, at=now)
            caller_rows.mark_revoked(connection, caller, now=now)

        await self._change(store)

    async def refresh(self) -> bool:
        """Read the keys again if anything changed; whether it did. One cheap read otherwise.

        Raises:
            StorageUnavailable: The database cannot be read; the last table goes on serving.
        """
        async with self._refreshing:
            if await self._database.read(caller_rows.version) == self._table.version:
                return False
            now = self._clock.now()
            version, keys = await self._database.read(lambda connection: caller_rows.live_keys(connection, now))
            self._table = KeyTable(version, keys, self._pepper, self._used)
            return True

    async def note_uses(self) -> None:
        """Store when keys were last used; for a job that runs every few minutes.

        Raises:
            StorageUnavailable: Nothing was stored; the next run will.
        """
        used = self._used.copy()
        if not used:
            return
        await self._database.write(lambda connection: caller_rows.note_use(connection, used))
        for key, at in used.items():
            if self._used[key] == at:
                del self._used[key]

    async def _change(self, work: Callable[[sa.Connection], T]) -> T:
        """Do the work and count it as a change, then take it into the table."""

        def counted(connection: sa.Connection) -> T:
            result = work(connection)
            caller_rows.count_change(connection)
            return result

        result = await self._database.write(counted)
        try:
            await self.refresh()
        except StorageUnavailable as error:  # it is stored: the next periodic refresh takes it up
            log.warning("people.callers.not_refreshed", error=error.code)
        return result

    def _check(self, caller: Caller, lasts: float) -> None:
        name, right, village = caller.name, caller.right, caller.village
        faults = list(_faults_of_times(lasts, 0.0))
        if not name.strip() or not name.isprintable() or len(name) > _NAME_LENGTH:
            faults.append(_NAME_FAULT)
        if village is not None and not self._village_known(village):
            faults.append(_VILLAGE_FAULT)
        if right is not None and self._right_known is not None and not self._right_known(right):
            faults.append(_RIGHT_FAULT)
        _refuse(faults)


_NAME_FAULT = FieldFault(
    "/name",
    "pattern",
    "1 to 80 printable characters are expected",
    "diharapkan 1 sampai 80 karakter yang dapat dicetak",
)
_VILLAGE_FAULT = FieldFault("/village", "unknown", "no such village code", "kode desa/kelurahan tidak dikenal")
_RIGHT_FAULT = FieldFault("/right", "unknown", "no such right in the config", "hak akses tidak ada di konfigurasi")
_EXPIRY_FAULT = FieldFault(
    "/expires_at",
    "range",
    "must lie in the future, by 100 years at most",
    "harus di masa depan, paling lama 100 tahun",
)
_OVERLAP_FAULT = FieldFault(
    "/overlap",
    "range",
    "must not be negative, nor over 100 years",
    "tidak boleh negatif atau lebih dari 100 tahun",
)


def _caller(key_id: str, name: str, wanted: Wanted) -> Caller:
    """A caller as wanted.

    Raises:
        TypeError: Something is wanted that is not known: a bound that is misspelt would not bind.
    """
    if strange := wanted.keys() - Wanted.__annotations__.keys():
        raise TypeError(f"a caller has no {', '.join(sorted(strange))}")
    purposes, fields = wanted.get("purposes"), wanted.get("fields")
    return Caller(
        id=key_id,
        name=name,
        right=wanted.get("right"),
        village=wanted.get("village"),
        adapter=wanted.get("adapter"),
        purposes=None if purposes is None else frozenset(purposes),
        fields=None if fields is None else frozenset(fields),
        priority=wanted.get("priority", Priority.COUNTER),
        may_skip_cache=wanted.get("may_skip_cache", False),
    )


def _faults_of_times(lasts: float, overlap: float) -> Iterator[FieldFault]:
    if not 0 < lasts <= CENTURY:
        yield _EXPIRY_FAULT
    if not 0 <= overlap <= CENTURY:
        yield _OVERLAP_FAULT


def _refuse(faults: Iterable[FieldFault]) -> None:
    if found := tuple(faults):
        raise Invalid("; ".join(f"{fault.field[1:]}: {fault.message}" for fault in found), faults=found)
