"""The programs that call, at run time: who is meant by credentials, and how each is told that something is refused."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from adapters.dukcapil_ws.dialect import rendered
from adapters.dukcapil_ws.settings import ClientConfig
from adapters.dukcapil_ws.wording import AWAY, TEXTS, page, service_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.dukcapil_ws.settings import Door
    from adapters.dukcapil_ws.wording import ErrorShape
    from gateway.contract import CentreService, Reply

SKEW: Final = timedelta(minutes=15)
"""How far a client's clock may be off when its password changes at midnight."""

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
        headers: What identifies its caller to the host.
        away_status: HTTP status of what `away` says.
    """

    def __init__(self, name: str, profile: ClientConfig, password: str, key: str, zone: ZoneInfo) -> None:
        self.name = name
        self.profile = profile
        self.patience = profile.waits - min(MARGIN, profile.waits / 10)
        self.headers: Mapping[str, str] = {"authorization": f"Bearer {key}"}
        self.away_status = 503 if profile.refusal == "http_503" else 200
        self._password = password.encode()
        self._zone = zone
        self._services = {method.upper(): service for method, service in profile.methods.items()}

    def service(self, method: str) -> CentreService | None:
        """The class of a METHOD, any case; None for one that neither the profile nor the service knows."""
        return self._services.get(method.upper()) or service_of(method)

    def proves(self, password: str, now: float) -> bool:
        """Whether a password is this program's, compared in constant time.

        Args:
            password: As sent.
            now: Unix seconds, for passwords that change daily.
        """
        given = password.encode("utf-8", "replace")
        if not self.profile.daily_password:
            return hmac.compare_digest(given, self._password)
        right = [hmac.compare_digest(given, each) for each in sorted(self._daily(now))]
        return any(right)

    def twin(self) -> Client:
        """One like it whose password nobody knows: comparing with it takes as long."""
        return _stand_in(self.profile, self._zone)

    def _daily(self, now: float) -> set[bytes]:
        """The passwords of today, and around midnight of the day next to it."""
        here = datetime.fromtimestamp(now, self._zone)
        days = {(here + shift).strftime("%d%m%Y").encode() for shift in (-SKEW, SKEW)}
        digests = (hashlib.md5(self._password + day, usedforsecurity=False) for day in days)
        return {digest.hexdigest().encode() for digest in digests}

    def shown(self, reply: Reply) -> bytes:
        """An answer's bytes: the centre's own, unless the profile wants numbers written otherwise."""
        return reply.raw if self.profile.numbers == "as_given" else rendered(reply, self.profile.numbers)

    def away(self) -> bytes:
        """The page that says that nobody could be asked."""
        profile = self.profile
        return page(AWAY, profile.refusal_text, profile.error_shape, bare=profile.door == "ws_server")


def _stand_in(profile: ClientConfig, zone: ZoneInfo) -> Client:
    """Somebody with a password that nobody knows."""
    return Client("", profile, secrets.token_hex(16), "", zone)


_NOBODY: Final = _stand_in(ClientConfig(path="-", user_id="-"), ZoneInfo("UTC"))


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
        self._shape: ErrorShape = "respon" if first is None else first.profile.error_shape
        self._nobody = _NOBODY if first is None else first.twin()
        self.away_status = self._nobody.away_status

    def named(self, user: str) -> Client | None:
        """The program with a user id, proved or not."""
        return self._clients.get(user)

    def waste(self, password: str, now: float) -> None:
        """Take as long as a comparison with the password of a program of this path.

        Args:
            password: As sent.
            now: Unix seconds.
        """
        self._nobody.proves(password, now)

    def away(self) -> bytes:
        """The page that says to nobody known that nobody could be asked: that of the path's first program."""
        profile = self._nobody.profile
        return page(AWAY, profile.refusal_text, profile.error_shape, bare=self._bare)

    def refusal(self, code: str, client: Client | None) -> bytes:
        """A code in the own shape of a program that proved itself, or in the one of this path for anybody else."""
        shape = client.profile.error_shape if client is not None else self._shape
        return page(code, TEXTS[code], shape, bare=self._bare)


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
        self._services: dict[str, CentreService] = {}
        for client in self.clients:
            for method, service in client.profile.methods.items():
                self._services.setdefault(method.upper(), service)
        self._empty: dict[Door, Place] = {"dukcapil": Place("dukcapil"), "ws_server": Place("ws_server")}

    def at(self, door: Door, path: str) -> Place:
        """The programs at a path."""
        return self._places.get((door, path)) or self._empty[door]

    def service(self, method: str) -> CentreService | None:
        """The class of a METHOD for callers who have not proved themselves; None for one that no program calls."""
        return service_of(method) or self._services.get(method.upper())

    def knows_ip(self, ip: str) -> bool:
        """Whether any program may declare this address."""
        return ip in self._ips


def retry_after(seconds: float | None) -> str:
    """Whole seconds for `Retry-After`; half a minute where nobody knows."""
    return str(max(1, math.ceil(seconds))) if seconds is not None and math.isfinite(seconds) else "30"
