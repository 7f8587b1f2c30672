"""The key ring: the few secrets everything else is derived from.

```
master-1, master-2, …   ─ HKDF(purpose, month) ─►  data key: seals cache entries, wraps object keys   (`envelope`)
index                   ─ HKDF(purpose, kind)  ─►  blind index key                                    (`blind`)
pepper                  ─ HKDF("api-keys")     ─►  key of the hashes of callers' keys                 (`api_keys`)
ledger                  ─ HKDF("signing")      ─►  Ed25519 key under the ledger's heads and checkpoints (`signer`)
signing                 ─ HKDF("signing", …)   ─►  P-256 keys of the local test authority        (`gateway.signing`)
```

A data key is named by its `KeyId`: the number of its master and its month, `1/2026-11`. It is derived, not stored, so
a new month needs no coordination between instances. Masters are rotated by adding one (`rotate`): the highest number
seals, all others go on opening; a master may be deleted once nothing sealed under it is left (wrapped keys are
re-wrapped, cache entries expire). Where several instances share the data, give the new file to all of them before any
of them is reloaded.

Life: `create_secrets` once → `Keyring.load` or `Keyring.from_environ` at start → immutable → a rotation is a newly
loaded ring.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.vault.errors import KeyMissingError, KeyUnreadableError
from gateway.vault.secret_files import (
    MOUNTED,
    SECRET_BYTES,
    SUFFIX,
    erase_secret,
    parse_secret,
    read_folder,
    read_secret,
    secret_names,
    secret_path,
    write_secret,
)

LAST_MASTER: Final = 0xFFFF
"""Highest number of a master; it takes two bytes in sealed data."""

INDEX: Final = "index"
"""Name of the secret under the blind index."""

PEPPER: Final = "pepper"
"""Name of the secret under the hashes of callers' keys."""

LEDGER: Final = "ledger"
"""Name of the secret under the signatures of the ledger."""

SIGNING: Final = "signing"
"""Name of the secret under the local test authority's keys."""

ENVIRONMENT_PREFIX: Final = "SIAK_GATEWAY_SECRET_"
"""Environment names are this, then `MASTER_1`, `INDEX`, `PEPPER`, `LEDGER` or `SIGNING`, then `_FILE` for a file."""

_NAMED: Final = frozenset({INDEX, PEPPER, LEDGER, SIGNING})
_MASTER: Final = re.compile(r"master-([1-9][0-9]{0,4})", re.ASCII)
_SALT: Final = b"siak-gateway/vault/1"


@dataclass(frozen=True, slots=True)
class KeyId:
    """Names a data key; no secret.

    Attributes:
        master: Number of the master it is derived from, 1 to `LAST_MASTER`.
        month: The month it seals in, `YYYY-MM` (UTC).
    """

    master: int
    month: str

    def __str__(self) -> str:
        return f"{self.master}/{self.month}"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The secrets of one installation; immutable, and silent in `repr`.

    Attributes:
        masters: Master secrets by number; never empty.
        index: Secret under the blind index.
        pepper: Secret under the hashes of callers' keys.
        ledger: Secret under the signatures of the ledger; None where an installation older than the ledger names its
            secrets in the environment.
        signing: Secret under the local test authority's keys; None likewise.
    """

    masters: Mapping[int, bytes] = field(repr=False)
    index: bytes = field(repr=False)
    pepper: bytes = field(repr=False)
    ledger: bytes | None = field(default=None, repr=False)
    signing: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.masters:
            raise KeyMissingError("no master-<number> among the secrets")
        if not all(1 <= number <= LAST_MASTER for number in self.masters):
            raise KeyUnreadableError(f"a master's number lies outside 1-{LAST_MASTER}")
        if any(len(secret) != SECRET_BYTES for secret in self._all()):
            raise KeyUnreadableError(f"every secret must have {SECRET_BYTES} bytes")
        object.__setattr__(self, "masters", MappingProxyType(dict(self.masters)))

    def _all(self) -> tuple[bytes, ...]:
        ours = (*self.masters.values(), self.index, self.pepper, self.ledger, self.signing)
        return tuple(secret for secret in ours if secret is not None)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the secrets of a folder.

        Args:
            folder: What `create_secrets` filled.

        Returns:
            The key ring.

        Raises:
            KeyMissingError: The folder or one of the secrets is not there.
            KeyUnreadableError: A file is open to others or holds no secret.
        """
        return cls._from_secrets(read_folder(folder), origin=str(folder))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the secrets an environment holds or names files of; other names in it are left alone.

        Args:
            environ: For example `os.environ`, with `SIAK_GATEWAY_SECRET_MASTER_1_FILE` and so on.

        Returns:
            The key ring.

        Raises:
            KeyMissingError: A secret, or a file named, is not there.
            KeyUnreadableError: A file is open to others, a value is no secret, or one is given both ways.
        """
        secrets: dict[str, bytes] = {}
        for variable, value in environ.items():
            name, in_file = _from_variable(variable)
            if name in secrets:
                raise KeyUnreadableError(f"{variable}: given as a value and as a file; keep one")
            if name:
                secrets[name] = _read_named_file(value) if in_file else _read_value(value, variable)
        return cls._from_secrets(secrets, origin=f"{ENVIRONMENT_PREFIX}*")

    @staticmethod
    def is_in(environ: Iterable[str]) -> bool:
        """Whether an environment names a master secret, so that the keys are to be read from there.

        Args:
            environ: Names of its variables; a password of a right called `master_…` is none of ours.
        """
        return any(master_number(_from_variable(variable)[0]) for variable in environ)

    @property
    def current(self) -> int:
        """Number of the master that seals: the highest."""
        return max(self.masters)

    def master(self, number: int) -> bytes:
        """Return a master secret.

        Raises:
            KeyMissingError: It was never here or has been deleted.
        """
        secret = self.masters.get(number)
        if secret is None:
            raise KeyMissingError(f"master-{number}; cure: put its file back, or reload after a rotation elsewhere")
        return secret

    def checks(self) -> dict[str, bytes]:
        """A value by the name of each secret that tells whether it is the same one again, and nothing else about it."""
        named = {f"master-{number}": secret for number, secret in self.masters.items()}
        return {
            name: derive(secret, "check", name)
            for name, secret in {**named, INDEX: self.index, PEPPER: self.pepper}.items()
        }

    @classmethod
    def _from_secrets(cls, secrets: Mapping[str, bytes], *, origin: str) -> Self:
        missing = [name for name in (INDEX, PEPPER) if name not in secrets]
        if missing:
            raise KeyMissingError(f"{origin}: {', '.join(missing)}")
        masters = {number: secret for name, secret in secrets.items() if (number := master_number(name))}
        named = {name: secrets.get(name) for name in (LEDGER, SIGNING)}
        return cls(masters=masters, index=secrets[INDEX], pepper=secrets[PEPPER], **named)


def create_secrets(folder: Path) -> list[str]:
    """Make the secrets that are not there yet; never replaces one.

    Args:
        folder: Made with mode 700 when it is not there.

    Returns:
        Names of the secrets this call made: of several processes at once, each secret is made by exactly one.

    Raises:
        KeyUnwritableError: The folder cannot be written.
        KeyUnreadableError: The folder is there, but others may read or change it.
    """
    has_master = any(map(master_number, secret_names(folder)))
    wanted = (INDEX, PEPPER, LEDGER, SIGNING) if has_master else ("master-1", INDEX, PEPPER, LEDGER, SIGNING)
    return [name for name in wanted if write_secret(folder, name)]


def rotate(folder: Path) -> str:
    """Add a new master that seals from the next load on; the old ones stay for opening.

    Args:
        folder: A folder that `create_secrets` filled.

    Returns:
        Name of the new master, `master-2`.

    Raises:
        KeyMissingError: The folder holds no master yet.
        KeyUnreadableError: The numbers are used up, or others may use the folder.
        KeyUnwritableError: The folder cannot be written.
    """
    numbers = [number for name in secret_names(folder) if (number := master_number(name))]
    if not numbers:
        raise KeyMissingError(f"{folder}: no master to rotate; cure: create the secrets first")
    if max(numbers) >= LAST_MASTER:
        raise KeyUnreadableError(f"{folder}: the numbers of masters are used up")
    name = f"master-{max(numbers) + 1}"
    return name if write_secret(folder, name) else rotate(folder)


def drop(folder: Path, number: int) -> None:
    """Destroy a master that is not the newest: overwritten, then deleted.

    Args:
        folder: A folder that `create_secrets` filled.
        number: Of the master.

    Raises:
        KeyMissingError: It is not there, or is the newest: that one seals.
        KeyUnwritableError: The folder cannot be written.
    """
    numbers = [each for name in secret_names(folder) if (each := master_number(name))]
    if number not in numbers or number == max(numbers):
        raise KeyMissingError(f"{folder}: master-{number} is not there, or is the newest")
    erase_secret(folder, f"master-{number}")


def is_settled(folder: Path, number: int, before: float) -> bool:
    """Whether the master after this one was made before that time (Unix seconds), by the date of its file."""
    later = [each for name in secret_names(folder) if (each := master_number(name)) > number]
    return bool(later) and secret_path(folder, f"master-{min(later)}").stat().st_mtime < before


def environment_of(folder: Path) -> dict[str, str]:
    """Return the environment through which a child process reads the secrets of a folder.

    Args:
        folder: A folder that `create_secrets` filled.

    Returns:
        `SIAK_GATEWAY_SECRET_MASTER_1_FILE` and so on to absolute paths, for `Keyring.from_environ`.
    """
    ours = sorted(name for name in secret_names(folder) if name in _NAMED or master_number(name))
    return {
        f"{ENVIRONMENT_PREFIX}{name.upper().replace('-', '_')}_FILE": str(folder.absolute() / f"{name}{SUFFIX}")
        for name in ours
    }


def derive(secret: bytes, *label: str) -> bytes:
    """Derive a 32-byte key from a secret with HKDF-SHA256 (RFC 5869).

    Args:
        secret: At least `SECRET_BYTES` of full entropy.
        *label: What the key is for, from the general to the particular; different labels give unrelated keys.

    Returns:
        The key.
    """
    info = b"".join(len(part).to_bytes(2) + part for part in (text.encode() for text in label))
    return HKDF(algorithm=SHA256(), length=32, salt=_SALT, info=info).derive(secret)


def master_number(name: str) -> int:
    """Number in the name of a master, `master-2`; 0 for any other name."""
    match = _MASTER.fullmatch(name)
    return int(match[1]) if match else 0


def _from_variable(variable: str) -> tuple[str, bool]:
    """Return the name of the secret a variable gives, or an empty one, and whether its value names a file."""
    prefix, stem = variable[: len(ENVIRONMENT_PREFIX)], variable[len(ENVIRONMENT_PREFIX) :]
    name = stem.removesuffix("_FILE").lower().replace("_", "-")
    ours = prefix == ENVIRONMENT_PREFIX and (name in _NAMED or master_number(name))
    return (name if ours else ""), stem.endswith("_FILE")


def _read_value(value: str, variable: str) -> bytes:
    return parse_secret(value.encode("utf-8", "surrogateescape"), origin=variable)


def _read_named_file(path: str) -> bytes:
    return read_secret(Path(path), forbidden=MOUNTED)
