"""All live keys in memory: finding the caller of a key costs no I/O.

```
key text ─► sha256 ─► proven before? ─► its caller                     (the usual way, under 2 µs)
                         └─ no: split ─► keys of that id ─► hash of the secret, compared in constant time
```

A key is remembered as proven under its SHA-256, so that the process holds no key in clear. Only valid keys are
remembered, at most one entry for each; wrong ones leave nothing behind. A table is never changed: when callers change,
a new one takes its place and every key is proven anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.contract.errors import Unauthenticated
from gateway.vault import api_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.contract.messages import Caller
    from gateway.people.caller_rows import StoredKey

_NOBODY = b"\x00" * 32
"""Stands for the hash of an unknown caller's secret, so that a wrong id takes as long as a wrong secret."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A key that was found good.

    Attributes:
        caller: Whose key.
        expires_at: Unix seconds from which it is refused.
        key: The caller's id and the key's number.
    """

    caller: Caller
    expires_at: float
    key: tuple[str, int]


class KeyTable:
    """The live keys of one version of the callers.

    Attributes:
        version: That version.
    """

    def __init__(
        self, version: int | None, keys: Iterable[StoredKey], pepper: bytes, used: dict[tuple[str, int], float]
    ) -> None:
        """Take the keys.

        Args:
            version: The callers' version they were read at; None for a table of nothing.
            keys: All live keys.
            pepper: Under which secrets are hashed.
            used: Where `find` notes the Unix seconds at which a key (caller, number) was used.
        """
        self.version = version
        self._used = used
        self._pepper = pepper
        self._proven: dict[bytes, Proven] = {}
        self._keys: dict[str, list[StoredKey]] = {}
        for key in keys:
            self._keys.setdefault(key.caller.id, []).append(key)

    def find(self, text: str, now: float) -> Caller:
        """The caller whose key this is.

        Raises:
            Unauthenticated: Unknown, wrong, expired or revoked; the text does not say which.
        """
        return self.use(self.proven(text, now), now)

    def proven(self, text: str, now: float) -> Proven:
        """The facts of a good key; they hold as long as this table does, and until the key expires.

        Raises:
            Unauthenticated: As of `find`.
        """
        digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
        proven = self._proven.get(digest)
        if proven is None:
            proven = self._prove(text, now)
            self._proven[digest] = proven
        return proven

    def use(self, proven: Proven, now: float) -> Caller:
        """The caller of a key found good before.

        Raises:
            Unauthenticated: It has expired.
        """
        if now >= proven.expires_at:
            raise Unauthenticated
        self._used[proven.key] = now
        return proven.caller

    def rights(self, now: float) -> frozenset[str]:
        """Names of the rights of all callers with a key that is good at `now`."""
        living = (key for keys in self._keys.values() for key in keys if now < key.expires_at)
        return frozenset(key.caller.right for key in living if key.caller.right is not None)

    def name_of(self, id_: str) -> str:
        """What admins call a caller with a key that was not revoked; empty if there is none."""
        keys = self._keys.get(id_)
        return keys[0].caller.name if keys else ""

    def _prove(self, text: str, now: float) -> Proven:
        parts = api_keys.parse(text)
        if parts is None:
            raise Unauthenticated
        key_id, secret = parts
        proven = None
        for key in self._keys.get(key_id, ()):
            if api_keys.verify(secret, key.secret_hash, self._pepper) and now < key.expires_at:
                proven = Proven(key.caller, key.expires_at, (key_id, key.number))
        if proven is None:
            api_keys.verify(secret, _NOBODY, self._pepper)
            raise Unauthenticated
        return proven
