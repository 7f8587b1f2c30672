"""Every failure of the engine has its place in the table."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest
from aiohttp import client_exceptions, http_exceptions

from gateway.centre.transport_errors import MAPPED, TABLE, Failure, Stage, failure_of
from gateway.contract.errors import (
    CentreMisanswered,
    CentreTimeout,
    CentreUnreachable,
    Internal,
    Overloaded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.contract.errors import (
        GatewayError,
    )

UNSENT = {
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorDNSError,
    aiohttp.ClientProxyConnectionError,
    client_exceptions.UnixClientConnectorError,
    aiohttp.ClientSSLError,
    aiohttp.ClientConnectorSSLError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ConnectionTimeoutError,
}
"""All of the engine's own exceptions that can only come before the first byte."""


def family(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    """A class and everything below it that the engine or we define."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__.startswith(("aiohttp", "gateway")):
            yield from family(child)


ENGINE = sorted(set(family(aiohttp.ClientError)), key=str)


def raised(kind: type[BaseException]) -> BaseException:
    """An instance, made without its constructor's arguments."""
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", ENGINE)
def test_every_exception_of_the_engine_is_listed_itself(kind: type[BaseException]) -> None:
    """None is left to its ancestor, so a new one in a new version is noticed here."""
    assert kind in TABLE
    assert issubclass(kind, MAPPED)


@pytest.mark.parametrize("kind", [kind for kind in ENGINE if kind.__module__.startswith("aiohttp")])
def test_only_failures_before_the_first_byte_are_called_unsent(kind: type[BaseException]) -> None:
    """*No* is said of resolver, connect and TLS, and of addresses; never of anything later."""
    found = failure_of(raised(kind), Stage.HANDED_OVER)
    assert found.executed == ("no" if kind in UNSENT or found.error is Internal else "unknown")


@pytest.mark.parametrize("kind", sorted(TABLE, key=str))
def test_nothing_was_sent_before_a_connection_was_lent(kind: type[BaseException]) -> None:
    """While waiting or connecting, every failure says *no*."""
    for stage in (Stage.WAITING, Stage.CONNECTING):
        assert failure_of(raised(kind), stage).executed == "no"


@pytest.mark.parametrize(
    ("error", "stage", "means"),
    [
        (TimeoutError(), Stage.WAITING, Failure(Overloaded, "no")),
        (TimeoutError(), Stage.CONNECTING, Failure(CentreTimeout, "no")),
        (TimeoutError(), Stage.HANDED_OVER, Failure(CentreTimeout, "unknown")),
        (ConnectionRefusedError(), Stage.CONNECTING, Failure(CentreUnreachable, "no")),
        (ConnectionResetError(), Stage.HANDED_OVER, Failure(CentreUnreachable, "unknown")),
        (BrokenPipeError(), Stage.HANDED_OVER, Failure(CentreUnreachable, "unknown")),
        (ssl.SSLZeroReturnError(), Stage.HANDED_OVER, Failure(CentreUnreachable, "unknown")),
        (ssl.SSLCertVerificationError(), Stage.CONNECTING, Failure(CentreUnreachable, "no")),
        (aiohttp.ServerDisconnectedError(), Stage.HANDED_OVER, Failure(CentreUnreachable, "unknown")),
        (aiohttp.ClientPayloadError(), Stage.HANDED_OVER, Failure(CentreMisanswered, "unknown")),
        (http_exceptions.BadStatusLine("x"), Stage.HANDED_OVER, Failure(CentreMisanswered, "unknown")),
        (http_exceptions.LineTooLong(b"x", 1), Stage.HANDED_OVER, Failure(CentreMisanswered, "unknown")),
    ],
)
def test_what_a_failure_means_depends_on_how_far_it_came(error: Exception, stage: Stage, means: Failure) -> None:
    """Operating system, TLS and parser errors alike."""
    assert failure_of(error, stage) == means


@pytest.mark.parametrize(
    ("error", "executed", "kind"),
    [
        (CentreUnreachable, "no", httpx.ConnectError),
        (CentreUnreachable, "unknown", httpx.ReadError),
        (CentreTimeout, "no", httpx.ConnectTimeout),
        (CentreTimeout, "unknown", httpx.ReadTimeout),
        (CentreMisanswered, "unknown", httpx.RemoteProtocolError),
        (Overloaded, "no", httpx.PoolTimeout),
        (Internal, "no", httpx.UnsupportedProtocol),
    ],
)
def test_users_of_httpx_get_httpx_errors(error: type[GatewayError], executed: str, kind: type[Exception]) -> None:
    """Each failure has its counterpart, and only *not sent* becomes a connect or pool error."""
    failure = Failure(error, "no" if executed == "no" else "unknown")
    request = httpx.Request("GET", "http://far.example/")
    assert type(failure.as_httpx_error(request)) is kind
    assert failure.as_gateway_error().executed == executed
