"""Questions as the Dukcapil web service wants them (sans-IO).

```
POST /dukcapil/get_json/<path>/<METHOD>      JSON: nik | NO_KK | NIK TRESHOLD <elements>, user_id password ip_user
GET  /ws_server/get_json/<institution>/<service>?USER_ID=&PASSWORD=&NIK=      the older regional service
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from gateway.contract.messages import CentreService

if TYPE_CHECKING:
    from gateway.centre.account import Account
    from gateway.contract.messages import Question

_JSON_HEADERS = (("Content-Type", "application/json"), ("Accept", "application/json"))
_PLAIN_HEADERS = (("Accept", "application/json"),)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_DEFAULT_THRESHOLD = 100
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request, ready to send; it holds credentials and numbers, so its `repr` shows neither.

    Attributes:
        method: `POST` or `GET`.
        target: Path and query, percent-encoded.
        headers: Header fields.
        body: Encoded body; None for GET.
    """

    method: str
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes | None = field(repr=False)


def build_request(question: Question, account: Account, *, now: float, traceparent: str | None = None) -> WireRequest:
    """The request that asks `question` as `account`.

    Args:
        question: What is asked; the account must have a path for its service.
        account: Who asks.
        now: Unix seconds, for passwords that change daily.
        traceparent: W3C trace context; passed on only if it is well formed.

    Raises:
        KeyError: The account has no path for the service.
    """
    path = account.paths[question.service]
    trace = trace_headers(traceparent)
    if account.ws:
        query = urlencode(_asked(question) | _credentials_of_old(account, now))
        return WireRequest("GET", f"/ws_server/get_json/{path}?{query}", _PLAIN_HEADERS + trace, None)
    body = _encode(_asked(question) | _credentials(account, now))
    return WireRequest("POST", f"/dukcapil/get_json/{path}", _JSON_HEADERS + trace, body)


def trace_headers(traceparent: str | None) -> tuple[tuple[str, str], ...]:
    """The header field that passes a trace context on; none for one that is not well formed."""
    return (("traceparent", traceparent),) if traceparent and _TRACEPARENT.fullmatch(traceparent) else ()


def _asked(question: Question) -> dict[str, str]:
    """The question's own parameters; an element can displace neither the number nor, later, a credential."""
    if question.service is CentreService.FAMILY_CARD and not question.by_nik:
        return {"NO_KK": question.subject}
    if question.service is not CentreService.VERIFY:
        return {"NIK": question.subject}
    threshold = str(question.threshold or _DEFAULT_THRESHOLD)
    return dict(question.elements) | {"NIK": question.subject, "TRESHOLD": threshold}


def _credentials(account: Account, now: float) -> dict[str, str]:
    return {"user_id": account.user_id, "password": account.password_at(now), "ip_user": account.ip_user}


def _credentials_of_old(account: Account, now: float) -> dict[str, str]:
    return {"USER_ID": account.user_id, "PASSWORD": account.password_at(now)}
