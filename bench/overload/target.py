"""How a question is put to a contender, and how its good answers are told from refusals."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import msgspec


class Target(msgspec.Struct, frozen=True):
    """What a contender is asked, as the load generator needs it.

    Attributes:
        url: Full URL of the POST.
        headers: Header fields beside host and length.
        body: Members of the JSON body beside `nik`.
        villages: Codes to put as the member `village`, by number of the village; empty where the body has none and
            the header `X-Village` carries the number.
    """

    url: str
    headers: dict[str, str]
    body: dict[str, str]
    villages: tuple[str, ...] = ()

    def place(self) -> tuple[str, int]:
        """Host and port."""
        where = urlsplit(self.url)
        return where.hostname or "127.0.0.1", where.port or 80

    def request(self, nik: str, village: int) -> bytes:
        """The whole request, ready to be sent."""
        asked = {"nik": nik, **self.body}
        if self.villages:
            asked["village"] = self.villages[village]
        body = json.dumps(asked).encode()
        where = urlsplit(self.url)
        lines = [
            f"POST {where.path} HTTP/1.1",
            f"Host: {where.netloc}",
            f"X-Village: {village}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


def is_good(status: int, body: bytes, nik: str) -> bool:
    """Whether an answer is what the citizen wanted: biodata of the very person asked about."""
    return status == 200 and b"NAMA_LGKP" in body and nik.encode() in body
