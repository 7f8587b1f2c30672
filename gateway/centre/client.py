"""The far end of the chain: one question to the centre and back, under the account of the right that asks."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx
import structlog

from gateway.centre.transport import CentreTransport, Limits, Outgoing
from gateway.centre.wire import AnotherSubject, read_reply
from gateway.centre.wire_requests import build_request
from gateway.contract.errors import CentreMisanswered, CentreRefusedUs, CentreTimeout, Denied
from gateway.contract.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.centre.account import Account
    from gateway.centre.link import Travelling
    from gateway.centre.transport import Incoming
    from gateway.contract.errors import GatewayError
    from gateway.contract.host import Clock
    from gateway.contract.messages import Call, Reply
    from gateway.settings.centre import CentreSettings

_log = structlog.get_logger()

_NO_FIELDS: frozenset[str] = frozenset()


class CentreClient:
    """A link that really asks. It neither remembers, waits nor tries again: the links above it do."""

    def __init__(self, settings: CentreSettings, accounts: Mapping[str, Account], clock: Clock) -> None:
        self._base = settings.url
        self._host = (("Host", settings.url.partition("://")[2]),)
        self._accounts = accounts
        self._clock = clock
        self._transport = CentreTransport(limits_of(settings), ca_file=settings.ca_file)

    async def open(self) -> None:
        """Make the pool of connections ready; nothing is sent.

        Raises:
            OSError: The CA file cannot be read or holds no certificate (`ssl.SSLError`).
        """
        await self._transport.open()

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
        await self._transport.aclose()

    async def ask(self, call: Call) -> Answer:
        """Ask the centre once, within the call's deadline.

        Raises:
            Denied: The right has no account for this service.
            CentreTimeout: No whole reply came by the deadline.
            GatewayError: What the reply or its absence means, see `wire` and `transport_errors`.
        """
        outgoing = self._outgoing(call)
        seconds = call.deadline - self._clock.monotonic()
        if seconds <= 0:
            raise CentreTimeout(executed="no")
        reply = self._reply(call, await self._transport.exchange(outgoing, seconds))
        return Answer(reply, as_of=self._clock.now(), source="centre", age_seconds=0.0)

    def _outgoing(self, call: Call) -> Outgoing:
        account = self._accounts.get(call.right)
        if account is None or call.question.service not in account.paths:
            raise Denied("The right has no account at the centre for this service.")
        request = build_request(call.question, account, now=self._clock.now(), traceparent=call.traceparent)
        return Outgoing(request.method, self._base, request.target, self._host + request.headers, request.body)

    def _reply(self, call: Call, incoming: Incoming) -> Reply:
        try:
            shown = self._accounts[call.right].fields if call.right in self._accounts else _NO_FIELDS
            return read_reply(call.question, incoming.status, incoming.content_type, incoming.body, shown)
        except AnotherSubject as error:
            self._transport.retire()
            log_failure("centre.reply.about_another", call, error)
            raise
        except CentreMisanswered as error:
            log_failure("centre.reply.unreadable", call, error)
            raise
        except CentreRefusedUs as error:
            log_failure("centre.account.refused", call, error)
            raise


def outbound(limits: Limits, *, ca_file: str | None = None, allow: Iterable[str] | None = None) -> httpx.AsyncClient:
    """A client for extensions towards everything but the centre, under the same guarantees.

    Its total deadline is `limits.total`, or the request's own timeout where that is shorter. It keeps no cookies,
    follows no redirects unless told to, and takes nothing from the environment. With `allow` it connects to public
    addresses and those networks only; without, anywhere.
    """
    return httpx.AsyncClient(
        transport=CentreTransport(limits, ca_file=ca_file, allow=allow),
        timeout=limits.total,
        trust_env=False,
        follow_redirects=False,
        cookies=_no_cookies(),
    )


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def limits_of(settings: CentreSettings) -> Limits:
    """The bounds of a transport to the centre."""
    return Limits(
        connections=settings.connections,
        connect_timeout=settings.connect_timeout,
        idle=settings.idle,
        max_response_bytes=settings.max_response_bytes,
        total=settings.deadline_max,
    )


def log_failure(event: str, call: Call | Travelling, error: GatewayError) -> None:
    """A failure that somebody has to look at; `detail` is one of our own texts and holds nothing of the reply."""
    _log.error(
        event,
        service=call.service.value,
        right=call.right,
        caller=call.caller,
        request_id=call.request_id,
        code=error.code,
        detail=error.detail,
    )
