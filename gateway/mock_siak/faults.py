"""Which faults strike a call, and what the broken answers look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from gateway.mock_siak.behaviour import Fault, FaultKind
from gateway.mock_siak.http1 import response

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from gateway.mock_siak.saying import Said

_HTML = b"text/html;charset=utf-8"


class Struck(msgspec.Struct, frozen=True):
    """What befalls one call: an added delay and at most one fault that breaks it; `kinds` names all that struck."""

    delay: float = 0.0
    fault: Fault | None = None
    kinds: tuple[FaultKind, ...] = ()


UNHARMED = Struck()
"""A call that nothing befalls."""


def strike(faults: Iterable[Fault], names: tuple[str, ...], rng: random.Random) -> Struck:
    """Deal faults to a call known by `names` (its METHOD and kind, lower case); the first that breaks it wins."""
    late: list[Fault] = []
    for fault in faults:
        if not fault.concerns(names) or rng.random() >= fault.rate:
            continue
        if fault.kind is not FaultKind.LATENCY:
            return _struck(late, fault)
        late.append(fault)
    return _struck(late, None)


def _struck(late: list[Fault], fault: Fault | None) -> Struck:
    kinds = [each.kind for each in late] + ([fault.kind] if fault else [])
    return Struck(sum(each.seconds for each in late), fault, tuple(kinds))


SPOILING = frozenset({FaultKind.TRUNCATED_JSON, FaultKind.ALTERED_PAPER, FaultKind.LONGER_PAPER})
"""Faults that change what an answer holds."""


def spoilt(said: Said, kind: FaultKind) -> Said:
    """An answer cut to half; or, where it is a PDF, with a byte changed or one more behind its end."""
    body = said.body
    if kind is FaultKind.TRUNCATED_JSON:
        return replace(said, body=body[: len(body) // 2])
    if said.content_type != b"application/pdf":
        return said
    if kind is FaultKind.LONGER_PAPER:
        return replace(said, body=body + b"\n")
    place = len(body) // 4
    return replace(said, body=body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])


def error_500(path: str, *, keep_alive: bool) -> bytes:
    """What the service's framework says when its database fails it."""
    body = {"status": 500, "error": "Internal Server Error", "message": "could not extract ResultSet", "path": path}
    return response(500, msgspec.json.encode(body), keep_alive=keep_alive)


def not_found(path: str, *, keep_alive: bool) -> bytes:
    """What the service's framework says where no service is configured."""
    body = {"status": 404, "error": "Not Found", "message": "No message available", "path": path}
    return response(404, msgspec.json.encode(body), keep_alive=keep_alive)


def html_502(*, keep_alive: bool) -> bytes:
    """What a proxy in front says when the service behind it is gone."""
    body = (
        b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
        b"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return response(502, body, content_type=_HTML, keep_alive=keep_alive)


def maintenance(*, keep_alive: bool) -> bytes:
    """The page shown while the centre is being worked on."""
    body = (
        b"<!DOCTYPE html><html><head><title>Pemeliharaan</title></head><body><h1>Sistem sedang dalam pemeliharaan</h1>"
        b"<p>The system is under maintenance.</p></body></html>"
    )
    return response(503, body, content_type=_HTML, keep_alive=keep_alive)
