"""The programs that call, at run time: who is meant by credentials, and how each is told that something is refused."""

from __future__ import annotations

import math
import secrets
from datetime import datetime, timedelta
from hashlib import md5, sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from adapters.dukcapil_ws.settings import ClientConfig
from adapters.dukcapil_ws.wording import AWAY, SERVICES, TEXTS, page, with_quota

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from adapters.dukcapil_ws.settings import Door
    from gateway.contract import CentreService, KnownKey

SKEW: Final = timedelta(minutes=15)
"""How far a client's clock may be off when its password changes at midnight."""

_MINUTE: Final = 60

MARGIN: Final = 0.5
"""Seconds before a program gives up by which it is answered; a tenth of its patience where that is less."""


class Client:
    """One program.

    Args:
        name: Its name in the config.
        profile: Its settings.
        password: What it proves itself with, or the secret behind its daily password.
        key: Key of the caller it stands for.
        zone: Zone of daily passwords.

    Attributes:
        patience: Seconds within which it is answered.
        away_status: HTTP status of what `away` says.
    """

    def __init__(self, name: str, profile: ClientConfig, password: str, key: KnownKey, zone: ZoneInfo) -> None:
        self.name = name
        self.profile = profile
        self.patience = profile.waits - min(MARGIN, profile.waits / 10)
        self.key = key
        self.away_status = 503 if profile.refusal == "http_503" else 200
        self._password = password.encode()
        self._zone = zone
        self._services = {**SERVICES, **named_in(profile)}

    def service(self, method: str) -> CentreService | None:
        """The class of a METHOD, any case; None for one that neither the profile nor the service knows."""
        return self._services.get(method) or self._services.get(method.upper())

    def proofs(self, now: float) -> tuple[bytes, bytes]:
        """Digests of the passwords that are good at Unix seconds `now`: always two, mostly the same twice.

        A daily password is today's, and around midnight that of the day next to it too.
        """
        if not self.profile.daily_password:
            return (sha256(self._password).digest(),) * 2
        here = datetime.fromtimestamp(now, self._zone)
        before, after = (sha256(self._daily(here + shift)).digest() for shift in (-SKEW, SKEW))
        return before, after

    def _daily(self, day: datetime) -> bytes:
        """What is sent on a day."""
        text = self._password + day.strftime("%d%m%Y").encode()
        return md5(text, usedforsecurity=False).hexdigest().encode()

    def away(self) -> bytes:
        """The page that says that nobody could be asked; without a quota, which must not look like the reason."""
        return _away(self.profile)


def named_in(profile: ClientConfig) -> dict[str, CentreService]:
    """The METHODs a profile names itself, in upper case."""
    return {method.upper(): service for method, service in profile.methods.items()}


def _away(profile: ClientConfig) -> bytes:
    return page(AWAY, profile.refusal_text, profile.error_shape, bare=profile.door == "ws_server")


class Place:
    """The programs of one path, by user id; empty where nobody is at home.

    Args:
        door: Which service.
        clients: Those of this path, in the config's order.

    Attributes:
        away_status: HTTP status of what `away` says.
    """

    def __init__(self, door: Door, clients: Iterable[Client] = ()) -> None:
        self._bare = door == "ws_server"
        self._clients = {client.profile.user_id: client for client in clients}
        first = next(iter(self._clients.values()), None)
        self._first = ClientConfig(path="-", user_id="-", door=door) if first is None else first.profile
        self.away_status = 200 if first is None else first.away_status
        self._nobody = None, secrets.token_bytes(32), secrets.token_bytes(32)
        self._proofs: dict[str, tuple[Client | None, bytes, bytes]] = {}
        self._minute: float | None = None

    def compared(self, user: str, password: str, now: float) -> tuple[Client | None, bool]:
        """The program with a user id, and whether a password is its own.

        The work is the same whoever is named, whether anybody is, and whatever kind of password is expected: one
        digest of what was sent, two comparisons in constant time. Digests that change with the day are made anew for
        the whole path at once.

        Args:
            user: As sent.
            password: As sent.
            now: Unix seconds, for passwords that change daily.
        """
        minute = now // _MINUTE
        if minute != self._minute:
            self._minute = minute
            self._proofs = {name: (client, *client.proofs(minute * _MINUTE)) for name, client in self._clients.items()}
        given = sha256(password.encode("utf-8", "replace")).digest()
        client, one, other = self._proofs.get(user, self._nobody)
        return client, compare_digest(given, one) | compare_digest(given, other)

    def away(self) -> bytes:
        """The page that says to nobody known that nobody could be asked: that of the path's first program."""
        return _away(self._first)

    def refusal(self, code: str, client: Client | None, quota_left: int | None) -> bytes:
        """A code in the own shape of a program that proved itself, or in the one of this path for anybody else.

        Args:
            code: One of `TEXTS`.
            client: Who proved itself.
            quota_left: Calls its right has left today; None shows none.
        """
        if client is not None:
            return with_quota(page(code, TEXTS[code], client.profile.error_shape, bare=self._bare), quota_left)
        return with_quota(page(code, TEXTS[code], self._first.error_shape, bare=self._bare), self._nothing_left)

    @property
    def _nothing_left(self) -> int | None:
        """What is left for who has not proved itself, where the path's first program is shown its quota."""
        return 0 if self._first.quota_shown else None


class Directory:
    """All programs by door and path.

    Args:
        clients: Those whose secrets are there.
    """

    def __init__(self, clients: Iterable[Client]) -> None:
        self.clients = tuple(clients)
        self._ips = frozenset(ip for client in self.clients for ip in client.profile.ips)
        grouped: dict[tuple[Door, str], list[Client]] = {}
        for client in self.clients:
            grouped.setdefault((client.profile.door, client.profile.path), []).append(client)
        self._places = {place: Place(place[0], here) for place, here in grouped.items()}
        others = (named_in(client.profile) for client in reversed(self.clients))
        self._services = {method: service for each in (*others, SERVICES) for method, service in each.items()}
        self._empty: dict[Door, Place] = {"dukcapil": Place("dukcapil"), "ws_server": Place("ws_server")}

    def at(self, door: Door, path: str) -> Place:
        """The programs at a path."""
        return self._places.get((door, path)) or self._empty[door]

    def service(self, method: str) -> CentreService | None:
        """The class of a METHOD for callers who have not proved themselves; None for one that no program calls."""
        return self._services.get(method) or self._services.get(method.upper())

    def knows_ip(self, ip: str) -> bool:
        """Whether any program may declare this address."""
        return ip in self._ips


def retry_after(seconds: float | None) -> str:
    """Whole seconds for `Retry-After`; half a minute where nobody knows."""
    return str(max(1, math.ceil(seconds))) if seconds is not None and math.isfinite(seconds) else "30"
