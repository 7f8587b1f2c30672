"""Keys that fit the database: lost ones are told at the start, never silently replaced.

```
nothing in the database yet ─► missing keys are made ─────────────┐
callers, submissions or check values in it ─► all must be there ──┴─► each fits its check value ─► stored where new
```

A check value is derived from a secret and tells nothing about it. A master may be deleted once nothing in the
database is sealed under it; remembered answers are not asked, for they expire.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gateway.blobs.tables import BLOB_KEYS
from gateway.database.database import insert_into
from gateway.documents.tables import DOCUMENT_KEYS
from gateway.outbox.tables import CONTENT_KEYS, OUTCOME_KEYS, SUBMISSIONS
from gateway.people.account_tables import PEOPLE, PERSON_KEYS
from gateway.people.tables import CALLERS, KEY_CHECKS
from gateway.vault.envelope import header_of
from gateway.vault.errors import KeyForeignError, KeyMissingError
from gateway.vault.keys import Keyring, create_secrets, master_number
from gateway.wiring.parts import open_keyring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.database import Database
    from gateway.settings import Settings

SEALED = (CONTENT_KEYS, OUTCOME_KEYS, BLOB_KEYS, PERSON_KEYS, DOCUMENT_KEYS)
"""Every column that holds keys sealed under a master; a master is needed as long as one names it.

A table of a room's own that has a column `wrapped_key` and is not named here fails a test.
"""

_CURE = (
    "cure: put the keys back from their backup; if they are lost for good: siak-gateway keys make --anew, "
    "then a new key for every client (what was sealed under the lost ones cannot be read again)"
)


async def open_fitting_keyring(settings: Settings, environ: Mapping[str, str], database: Database) -> Keyring:
    """The gateway's keys, made only where the database needs none yet, and compared with its check values.

    Raises:
        KeyMissingError: A key that the database needs is not there.
        KeyForeignError: A key is another one than the database was written with.
        VaultError: As of `open_keyring`.
    """
    if not Keyring.is_in(environ) and await database.read(_needs_keys):
        try:
            keyring = Keyring.load(settings.secrets_folder)
        except KeyMissingError as error:
            raise KeyMissingError(f"{error.detail}: the database needs it; {_CURE}") from None
    else:
        keyring = open_keyring(settings, environ)
    known = await database.read(_known)
    for name in sorted(await database.read(lambda connection: _lost(connection, keyring, known))):
        raise KeyMissingError(f"{name}: submissions, documents or accounts are sealed under it; {_CURE}")
    if new := _compared(keyring.checks(), known):
        await database.write(lambda connection: _store(connection, new))
    return keyring


async def take_anew(settings: Settings, environ: Mapping[str, str], database: Database) -> list[str]:
    """Make the keys that are missing and take the present ones for the right ones; the old ones are lost for good.

    Returns:
        Names of the keys that were made.

    Raises:
        VaultError: As of `open_keyring`.
    """
    made = [] if Keyring.is_in(environ) else create_secrets(settings.secrets_folder)
    checks = open_keyring(settings, environ).checks()

    def replace(connection: sa.Connection) -> None:
        connection.execute(sa.delete(KEY_CHECKS))
        _store(connection, checks)

    await database.write(replace)
    return made


def _needs_keys(connection: sa.Connection) -> bool:
    """Whether anything is stored that the keys of before are needed for."""
    tables = (KEY_CHECKS, CALLERS, SUBMISSIONS, PEOPLE)
    return any(connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() for table in tables)


def _known(connection: sa.Connection) -> dict[str, bytes]:
    return {row.name: bytes(row.value) for row in connection.execute(sa.select(KEY_CHECKS))}


def _lost(connection: sa.Connection, keyring: Keyring, known: Mapping[str, bytes]) -> list[str]:
    """Masters that are not there any more although something is sealed under them."""
    gone = [name for name in known if (number := master_number(name)) and number not in keyring.masters]
    return [name for name in gone if is_needed(connection, master_number(name))]


def is_needed(connection: sa.Connection, master: int) -> bool:
    """Whether anything in the database is sealed under a master."""
    start = header_of(master)
    for keys in SEALED:
        under = keys.key.between(start, start + b"\xff\xff")  # a month comes next, and never that one
        if connection.execute(sa.select(sa.literal(1)).where(under).limit(1)).first():
            return True
    return False


def _compared(present: Mapping[str, bytes], known: Mapping[str, bytes]) -> dict[str, bytes]:
    """The check values not stored yet.

    Raises:
        KeyForeignError: One differs from what is stored.
    """
    wrong = [name for name, value in known.items() if name in present and not hmac.compare_digest(value, present[name])]
    if wrong:
        raise KeyForeignError(f"{', '.join(sorted(wrong))}; {_CURE}")
    return {name: value for name, value in present.items() if name not in known}


def _store(connection: sa.Connection, checks: Mapping[str, bytes]) -> None:
    rows = [{"name": name, "value": value} for name, value in checks.items()]
    connection.execute(insert_into(connection, KEY_CHECKS).values(rows).on_conflict_do_nothing())  # another's start
