"""What speaks for a right at the centre: its address there and its credentials."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.messages import CentreService

_PATH = re.compile(r"[A-Za-z0-9._~@:+-]+(/[A-Za-z0-9._~@:+-]+){1,2}")


@dataclass(frozen=True, slots=True)
class Account:
    """One right's user at the centre; nothing secret shows in its `repr`.

    Attributes:
        right: Name of the right it speaks for.
        paths: For each service it may call, the path after `get_json/`, METHOD included, such as
            `33-20/dinas_3320/CALL_NIK`. A service without a path is never called.
        user_id: User at the centre.
        password: Its password, or the shared secret where `daily_password` is set.
        ip_user: Declared IP, as registered at the centre.
        ws: Uses the older regional service `/ws_server/get_json/…`, asked by GET with a query.
        daily_password: The password sent is `md5(secret + ddmmyyyy)`.
        zone: IANA zone of the centre's day, for `daily_password`.
        fields: Wire names the centre shows this user: a reply that leaves out the number asked for, though it is among
            them, is none. Empty where that is not known.
    """

    right: str
    paths: Mapping[CentreService, str]
    user_id: str = field(repr=False)
    password: str = field(repr=False)
    ip_user: str = field(repr=False)
    ws: bool = False
    daily_password: bool = False
    zone: str = "Asia/Jakarta"
    fields: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse paths that would change the shape of an address.

        Raises:
            ValueError: A path is not two or three plain parts.
        """
        for service, path in self.paths.items():
            if not _PATH.fullmatch(path):
                raise ValueError(f"the path of {service} must be two or three plain parts, METHOD last")

    def password_at(self, now: float) -> str:
        """The password to send at `now` (Unix seconds)."""
        if not self.daily_password:
            return self.password
        day = datetime.fromtimestamp(now, ZoneInfo(self.zone)).strftime("%d%m%Y")
        return hashlib.md5(f"{self.password}{day}".encode(), usedforsecurity=False).hexdigest()
