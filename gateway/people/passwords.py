"""Hashing of passwords: Argon2id in a bounded pool, so that a flood of sign-ins starves nobody.

```
check ─► line of known browsers ─┐
     └─► line of strangers ──────┴─► threads (1 by default, of two cores) ─► argon2id(HMAC(pepper, password))
full line ─► `Overloaded`, at once: the price of a guess is paid by nobody
```

A browser that signed in before has a line of its own, which is served first: strangers cannot fill it. The pepper
makes a stolen table useless; an unknown name costs as much as a known one.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.contract.errors import Overloaded
from gateway.people.weak_passwords import LONGEST, normal
from gateway.vault.keys import derive

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.vault.keys import Keyring

T = TypeVar("T")

RETRY_AFTER: Final = 2.0
"""Seconds after which a full line is worth another try."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """What a hash costs, and how many are made at once.

    Attributes:
        memory_kib: Memory of one, KiB.
        passes: Times it is filled.
        threads: Hashes made at once.
        waiting: How many may wait in each line.
    """

    memory_kib: int
    passes: int
    threads: int = 1
    waiting: int = 16


class HashingPool:
    """Runs work on a few threads, for two bounded lines.

    Args:
        threads: How many.
        waiting: How many may wait in each line.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._free = threads
        self._waiting = waiting
        self._known: deque[asyncio.Future[None]] = deque()
        self._strangers: deque[asyncio.Future[None]] = deque()
        self._threads = ThreadPoolExecutor(threads, "passwords")

    def refuse_if_full(self, *, known: bool) -> None:
        """Pass where a line has room.

        Raises:
            Overloaded: It has none.
        """
        line = self._known if known else self._strangers
        if not self._free and sum(not one.done() for one in line) >= self._waiting:
            raise Overloaded("Too many people are signing in.", retry_after=RETRY_AFTER)

    async def run(self, work: Callable[[], T], *, known: bool) -> T:
        """The result of work, in turn; a thread stays taken until its work is done, whoever still waits for it.

        Raises:
            Overloaded: The line is full.
        """
        await self._enter(known=known)
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, work)
        running.add_done_callback(lambda _: self._leave())
        return await asyncio.shield(running)

    async def _enter(self, *, known: bool) -> None:
        self.refuse_if_full(known=known)
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._known if known else self._strangers).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn had come when it left
                self._leave()
            raise

    def _leave(self) -> None:
        for line in (self._known, self._strangers):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1

    def close(self) -> None:
        """Begin nothing more; what is hashed now ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Passwords:
    """Makes and checks hashes.

    Args:
        hashing: What one costs.
        keyring: Holds the pepper.
    """

    def __init__(self, hashing: Hashing, keyring: Keyring) -> None:
        self._hasher = PasswordHasher(hashing.passes, hashing.memory_kib, 1)
        self._pepper = derive(keyring.pepper, "people", "password")
        self.pool = HashingPool(hashing.threads, hashing.waiting)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """What is stored of a password.

        Raises:
            Overloaded: Too many wait.
        """
        return await self.pool.run(lambda: self._hasher.hash(self._peppered(password)), known=True)

    async def check(self, password: str, stored: str | None, *, known: bool) -> bool:
        """Whether a password is the one that was hashed; costs the same where nothing is stored.

        Args:
            password: As typed.
            stored: What `hash` returned; None for an account that has no password, or is not there.
            known: Whether the browser has signed in as that account before.

        Raises:
            Overloaded: Too many wait.
        """
        return await self.pool.run(lambda: self._is_right(password, stored), known=known)

    def is_dated(self, stored: str) -> bool:
        """Whether a hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _is_right(self, password: str, stored: str | None) -> bool:
        if stored is None and self._nobodys is None:
            self._nobodys = self._hasher.hash(b"nobody's")
        try:
            self._hasher.verify(stored or self._nobodys or "", self._peppered(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def _peppered(self, password: str) -> bytes:
        return hmac.digest(self._pepper, normal(password[: 4 * LONGEST]).encode("utf-8", "replace"), "sha256")
