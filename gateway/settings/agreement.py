"""Keys that are right one by one and wrong together."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.catalogue import regions
from gateway.contract.messages import READS
from gateway.settings.requirements import requirement_faults
from gateway.settings.wording import closest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.settings.locate import KeyPath
    from gateway.settings.model import Settings

Disagreement = tuple["KeyPath", str, str]
"""Path, message and cure."""


def disagreements(settings: Settings) -> Iterator[Disagreement]:
    """Everything in a config that contradicts something else in it."""
    yield from _ports(settings)
    yield from _tls(settings)
    yield from _database(settings)
    yield from _purposes(settings)
    yield from _no_service(settings)
    yield from _villages(settings)
    yield from _port_of_centre(settings)
    yield from _order(settings)
    yield from _reserve(settings)
    yield from _extensions(settings)
    yield from _signing(settings)


def _signing(settings: Settings) -> Iterator[Disagreement]:
    signing = settings.signing
    if signing.authority == "bsre":
        for key in ("url", "roots_file"):
            if not getattr(signing, key):
                yield ("signing", "authority"), f"is bsre without {key}", f"set signing.{key}"
    yield from requirement_faults(settings.requirements)


def _ports(settings: Settings) -> Iterator[Disagreement]:
    server = settings.server
    if server.port == 0 or server.port != server.operator_port:
        return
    wild = {host for host in (server.host, server.operator_host) if _wildcard(host)}
    if wild or server.host == server.operator_host:
        yield ("server", "operator_port"), f"{server.port} is also server.port", "choose another port"


def _wildcard(host: str) -> bool:
    return host != "localhost" and ipaddress.ip_address(host).is_unspecified


def _tls(settings: Settings) -> Iterator[Disagreement]:
    server = settings.server
    if (server.tls_cert is None) != (server.tls_key is None):
        given, absent = ("tls_cert", "tls_key") if server.tls_key is None else ("tls_key", "tls_cert")
        yield ("server", given), f"stands without {absent}", f"add {absent}, or remove {given}"


def _database(settings: Settings) -> Iterator[Disagreement]:
    database = settings.database
    given = [key for key in ("url", "url_env", "url_file") if getattr(database, key)]
    for key in given[1:]:
        yield ("database", key), f"says the same as database.{given[0]}", "keep one of them"


def _purposes(settings: Settings) -> Iterator[Disagreement]:
    for name, right in settings.rights.items():
        for position, purpose in enumerate(right.purposes):
            if purpose not in settings.purposes:
                near = closest(purpose, settings.purposes)
                hint = f"; did you mean {near}?" if near else ""
                known = ", ".join(settings.purposes)
                yield (
                    ("rights", name, "purposes", position),
                    f"is not a configured purpose{hint}",
                    f"use one of {known}, or add a table [purposes.<code>]",
                )


def _no_service(settings: Settings) -> Iterator[Disagreement]:
    for name, right in settings.rights.items():
        if not right.services.paths() and not right.submissions:
            known = ", ".join(READS)
            yield ("rights", name, "services"), "names no service", f"give the path of at least one of {known}"


def _villages(settings: Settings) -> Iterator[Disagreement]:
    for name, right in settings.rights.items():
        for position, code in enumerate(right.villages):
            if regions.is_retired_or_wrong(code):
                yield (
                    ("rights", name, "villages", position),
                    "is no region of today's",
                    "use the Kemendagri code of a village, district, regency or province that exists",
                )


def _port_of_centre(settings: Settings) -> Iterator[Disagreement]:
    try:
        port = urlsplit(settings.centre.url).port
    except ValueError:  # beyond 65535, or an address in brackets that is none
        port = 0
    if port == 0:
        yield ("centre", "url"), "has no usable host and port", "use a port from 1 to 65535, such as http://centre:8090"


def doubts(settings: Settings) -> Iterator[str]:
    """What is allowed but most likely not meant, one line each; for `config check`."""
    users: dict[tuple[str, str], str] = {}
    for name, right in settings.rights.items():
        first = users.setdefault((right.door, right.user_id), name)
        if first != name:
            yield f"rights.{name}: has the same user_id as rights.{first}; each would count its own daily allowance"


def _order(settings: Settings) -> Iterator[Disagreement]:
    centre = settings.centre
    pairs: tuple[tuple[KeyPath, float, KeyPath, float], ...] = (
        (("deadline",), centre.deadline, ("deadline_max",), centre.deadline_max),
        (("connect_timeout",), centre.connect_timeout, ("deadline_max",), centre.deadline_max),
        (("cache", "fresh"), centre.cache.fresh, ("cache", "stale_if_error"), centre.cache.stale_if_error),
        (("retry", "base"), centre.retry.base, ("retry", "cap"), centre.retry.cap),
        (("limiter", "initial"), centre.limiter.initial, ("limiter", "maximum"), centre.limiter.maximum),
        (("breaker", "open_first"), centre.breaker.open_first, ("breaker", "open_cap"), centre.breaker.open_cap),
    )
    for small, value, large, limit in pairs:
        if value > limit:
            other = ".".join(("centre", *map(str, large)))
            yield ("centre", *small), f"{value} is more than {other} = {limit}", f"lower it, or raise {other}"


def _reserve(settings: Settings) -> Iterator[Disagreement]:
    path: KeyPath = ("centre", "allowance", "reserve")
    reserve = settings.centre.allowance.reserve
    if sum(reserve.values()) > 1:
        yield path, "the shares add up to more than 1", "lower them"


def _extensions(settings: Settings) -> Iterator[Disagreement]:
    seen: set[str] = set()
    for kind, tables in (("plugins", settings.plugins), ("adapters", settings.adapters)):
        for position, name in enumerate(tables.enabled):
            if name in seen:
                yield (kind, "enabled", position), "is enabled twice", "name it once"
            seen.add(name)
        for name in tables.tables():
            if "enabled" in tables.table(name):
                cure = f'write enabled = ["{name}", …] in [{kind}] instead'
                yield (kind, name, "enabled"), "an extension is not enabled in its own table", cure
