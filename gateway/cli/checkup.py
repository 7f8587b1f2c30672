"""What `doctor` looks at, each as one finding with its cure. Nothing is changed and no resident is asked for."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.centre.share_store import standings
from gateway.cli.checkup_copies import backups, copies
from gateway.cli.checkup_delivery import deliveries, uploads
from gateway.cli.finding import Finding
from gateway.cli.trial_environment import FILE, with_exports
from gateway.contract.errors import GatewayError
from gateway.database import Database, DatabaseError
from gateway.database.engine import database_file, parse_url
from gateway.database.migrate import pending
from gateway.ledger import TABLES as LEDGER_TABLES
from gateway.ledger.rows import newest as newest_chain
from gateway.registry.finding import installed
from gateway.settings import SecretMissing
from gateway.vault.errors import VaultError
from gateway.vault.keys import Keyring
from gateway.wiring.files import connections_of, hard_limit
from gateway.wiring.parts import accounts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.settings import Settings

LITTLE_DISK = 1_000_000_000
FEW_FILES = 4096
BUILT_AFTER = 1_760_000_000.0
"""Unix seconds before which this version cannot run: a clock that says so is wrong."""


def examine(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything, the config first; the secrets of a trial are found where it keeps them."""
    checks: tuple[Callable[[Settings, Mapping[str, str]], Iterable[Finding]], ...] = (
        _config,
        _keys,
        _accounts,
        _database,
        copies,
        backups,
        uploads,
        deliveries,
        _ledger,
        _centre,
        _extensions,
        _disk,
        _files,
        _clock,
    )
    whole, added = with_exports(settings.secrets_folder, environ)
    found = [finding for check in checks for finding in check(settings, whole)]
    if added:
        file = settings.secrets_folder / FILE
        text = f"secrets are looked for where siak-gateway run keeps them, as {file} says"
        found.append(Finding("trial", "ok", text))
    return found


def _config(settings: Settings, _environ: Mapping[str, str]) -> Iterable[Finding]:
    path = settings.source.path
    named = str(path) if path is not None else "built-in defaults"
    yield Finding("config", "ok", f"{named}: {len(settings.rights)} rights, {len(settings.purposes)} purposes")
    if not settings.rights:
        yield Finding(
            "config", "warn", "no right is configured, so nothing can be asked", "add a [rights.<name>] table"
        )


def _keys(settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    named = Keyring.is_in(environ)
    folder = settings.secrets_folder
    if not named and not folder.exists():
        yield Finding("keys", "warn", "there are no keys yet; the first start makes them", "start the gateway once")
        return
    try:
        keyring = Keyring.from_environ(environ) if named else Keyring.load(folder)
    except VaultError as error:
        yield Finding("keys", "bad", str(error).rstrip("."), "restore the keys from their backup")
        return
    yield Finding("keys", "ok", f"master key {keyring.current} is in use")
    if _same_disk(_key_place(settings, environ), settings.data_folder):
        yield Finding(
            "keys",
            "warn",
            "keys and data share a disk, so whoever takes the disk has both",
            "keep the keys elsewhere and name them by SIAK_GATEWAY_SECRET_*_FILE",
        )


def _key_place(settings: Settings, environ: Mapping[str, str]) -> Path | None:
    files = [value for name, value in environ.items() if Keyring.is_in((name,))]
    named = [Path(value) for value in files if value.startswith("/")]
    if named:
        return named[0]
    return None if files else settings.secrets_folder


def _same_disk(one: Path | None, other: Path) -> bool:
    if one is None or not one.exists() or not other.exists():
        return False
    return one.stat().st_dev == other.stat().st_dev


def _accounts(settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    try:
        accounts = accounts_of(settings, environ)
    except SecretMissing as error:
        for line in str(error).splitlines():
            yield Finding("rights", "bad", line, "set the variable, or the one that ends in _FILE")
        return
    yield Finding("rights", "ok", f"{len(accounts)} accounts have their password")


def _database(settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    try:
        url = settings.database_url(environ)
        if url.startswith("sqlite") and not settings.data_folder.exists():
            yield Finding("database", "warn", "there is none yet; the first start makes it", "start the gateway once")
            return
        behind = pending(url)
    except (SecretMissing, DatabaseError, GatewayError) as error:
        yield Finding("database", "bad", str(error).rstrip("."), "start the database, or mend [database] in the config")
        return
    if behind:
        yield Finding("database", "bad", f"{len(behind)} revisions are pending", "siak-gateway migrate")
        return
    yield Finding("database", "ok", f"{url.partition(':')[0]}, up to date")
    if url.startswith("postgres"):
        yield _instances(url, settings.centre.url)


def _instances(url: str, centre: str) -> Finding:
    """Who shares the limit of calls at the centre just now."""
    database = Database.open(url)
    try:
        found = database.read_sync(lambda connection: standings(connection, centre))
    except (DatabaseError, GatewayError) as error:
        return Finding("instances", "warn", str(error).rstrip("."), "start the database")
    finally:
        database.close_sync()
    shares = ", ".join(f"{one.instance} {one.share:.1f}" for one in found)
    return Finding("instances", "ok", f"{len(found)} share the limit at the centre{': ' if shares else ''}{shares}")


def _ledger(settings: Settings, environ: Mapping[str, str]) -> Iterable[Finding]:
    """How its newest chain ends; what stands before that is for `ledger verify`."""
    if not settings.ledger.enabled:
        yield Finding("ledger", "ok", "is off: who asked for whom is not written down")
        return
    try:
        url = settings.ledger_url(environ)
        missing = url.startswith("sqlite") and not database_file(parse_url(url)).exists()
        if missing or pending(url, (LEDGER_TABLES,)):
            cure = "siak-gateway migrate, or start the gateway once"
            yield Finding("ledger", "warn", "its tables are not there, or behind this version", cure)
            return
        database = Database.open(url)
        try:
            newest = database.read_sync(newest_chain)
        finally:
            database.close_sync()
    except (SecretMissing, DatabaseError, GatewayError) as error:
        yield Finding("ledger", "bad", str(error).rstrip("."), "look at its file, or at the database")
        return
    if newest is None or newest.intact:
        yield Finding("ledger", "ok", f"the end of its newest chain is signed, {newest.seq if newest else 0} records")
    else:
        yield Finding(
            "ledger", "bad", "the end of its newest chain is not what was signed", "siak-gateway ledger verify"
        )


def _centre(settings: Settings, _environ: Mapping[str, str]) -> Iterable[Finding]:
    place = urlsplit(settings.centre.url)
    port = place.port or (443 if place.scheme == "https" else 80)
    started = time.monotonic()
    try:
        with socket.create_connection((place.hostname or "", port), timeout=settings.centre.connect_timeout):
            took = time.monotonic() - started
    except OSError as error:
        reason = error.strerror or "no answer in time"
        yield Finding("centre", "warn", f"{settings.centre.url} cannot be reached: {reason}", "check line and firewall")
        return
    yield Finding("centre", "ok", f"{settings.centre.url} answers a connection in {took * 1000:.0f} ms")
    if place.scheme == "http" and place.hostname not in {"127.0.0.1", "localhost", "::1"}:
        yield Finding("centre", "warn", "the line to the centre is not encrypted", "use https:// or a private network")


def _extensions(settings: Settings, _environ: Mapping[str, str]) -> Iterable[Finding]:
    known = {one.name: one for one in installed(settings)}
    for name in (*settings.plugins.enabled, *settings.adapters.enabled):
        one = known.get(name)
        if one is None:
            yield Finding("extension", "bad", f"{name} is enabled but not installed", f"install it, or disable {name}")
        elif one.detail:
            yield Finding("extension", "bad", f"{name} is broken: {one.detail}", f"mend or disable {name}")
        else:
            yield Finding("extension", "ok", f"{name} ({one.distribution})")


def _disk(settings: Settings, _environ: Mapping[str, str]) -> Iterable[Finding]:
    folder = settings.data_folder
    place = folder if folder.exists() else Path.cwd()
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        yield Finding("disk", "bad", f"{place} is not writable", "give the gateway's user write access")
    elif free < LITTLE_DISK:
        yield Finding("disk", "warn", f"{free / 1e9:.1f} GB are free for data", "make room")
    else:
        yield Finding("disk", "ok", f"{free / 1e9:.0f} GB are free for data")


def _files(settings: Settings, _environ: Mapping[str, str]) -> Iterable[Finding]:
    limit = hard_limit()
    callers = connections_of(limit, settings.centre.connections)
    text = f"{limit} files may be open here, so callers may hold {callers} connections"
    if limit < FEW_FILES:
        yield Finding("files", "warn", text, "LimitNOFILE=65536 in the unit file, or `ulimit -Hn` of the shell")
    else:
        yield Finding("files", "ok", text)


def _clock(settings: Settings, _environ: Mapping[str, str]) -> Iterable[Finding]:
    now = time.time()
    if now < BUILT_AFTER:
        yield Finding("clock", "bad", "the clock is far behind", "set it by NTP")
    else:
        zone = settings.time.zone
        yield Finding("clock", "ok", f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(now))} UTC, legal zone {zone}")
