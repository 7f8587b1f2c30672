"""Every failure of the HTTP engine as one of ours, and whether the centre may have acted.

```
resolver, connect, TLS, wrong fingerprint     CentreUnreachable  executed "no"
connect timeout                               CentreTimeout      executed "no"
silence, total deadline                       CentreTimeout      executed "unknown", "no" while still connecting
connection lost                               CentreUnreachable  executed "unknown", "no" while still connecting
broken HTTP, cut or refused body              CentreMisanswered  executed "unknown"
no place free until the deadline              Overloaded         executed "no"
a request that cannot be written              Internal           executed "no"
```

Public transports for httpx call "the server read my POST, then closed" a connect error; resending that would double
a civil record. Here only what failed before a connection was handed over counts as not sent.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import aiohttp
import httpx
from aiohttp import client_exceptions, http_exceptions

from gateway.contract.errors import (
    CentreMisanswered,
    CentreTimeout,
    CentreUnreachable,
    Internal,
    Overloaded,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.errors import (
        Executed,
        GatewayError,
    )


class Stage(IntEnum):
    """How far an attempt came."""

    WAITING = 0
    """For a place among the open connections."""
    CONNECTING = 1
    """Looking for a pooled connection, or resolving, connecting, shaking hands."""
    HANDED_OVER = 2
    """A connection is ours: from here on bytes may have left."""


class LostConnection(aiohttp.ClientConnectionError):
    """The connection ended, or showed itself unfit, before the request was written."""


class RefusedReply(aiohttp.ClientError):
    """The reply is larger than allowed, follows too many interim ones, or is encoded though identity was asked for."""


class UnsafeRequest(aiohttp.ClientError):
    """A part of the request would change the shape of the message; it was not sent."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failed attempt means.

    Attributes:
        error: The contract's error.
        executed: Whether the far end may have acted.
    """

    error: type[GatewayError]
    executed: Executed

    def as_gateway_error(self) -> GatewayError:
        """The error to raise towards a caller; it names no address, for an address may hold a NIK."""
        return self.error(executed=self.executed)

    def as_httpx_error(self, request: httpx.Request) -> httpx.TransportError:
        """The same for users of httpx."""
        if self.executed == "no":
            kind = _HTTPX_BEFORE.get(self.error, httpx.ConnectError)
        else:
            kind = _HTTPX_AFTER.get(self.error, httpx.ReadError)
        return kind(self.error.text(), request=request)


_HTTPX_BEFORE: Final[Mapping[type[GatewayError], type[httpx.TransportError]]] = MappingProxyType(
    {CentreTimeout: httpx.ConnectTimeout, Overloaded: httpx.PoolTimeout, Internal: httpx.UnsupportedProtocol}
)
_HTTPX_AFTER: Final[Mapping[type[GatewayError], type[httpx.TransportError]]] = MappingProxyType(
    {CentreTimeout: httpx.ReadTimeout, CentreMisanswered: httpx.RemoteProtocolError}
)

_NOT_CONNECTED: Final = Failure(CentreUnreachable, "no")
_LOST: Final = Failure(CentreUnreachable, "unknown")
_LATE: Final = Failure(CentreTimeout, "unknown")
_LATE_CONNECTING: Final = Failure(CentreTimeout, "no")
_BROKEN: Final = Failure(CentreMisanswered, "unknown")
_NO_ADDRESS: Final = Failure(Internal, "no")

TABLE: Final[Mapping[type[BaseException], Failure]] = MappingProxyType(
    {
        aiohttp.ClientConnectorError: _NOT_CONNECTED,
        aiohttp.ClientConnectorDNSError: _NOT_CONNECTED,
        aiohttp.ClientProxyConnectionError: _NOT_CONNECTED,
        client_exceptions.UnixClientConnectorError: _NOT_CONNECTED,
        aiohttp.ClientSSLError: _NOT_CONNECTED,
        aiohttp.ClientConnectorSSLError: _NOT_CONNECTED,
        aiohttp.ClientConnectorCertificateError: _NOT_CONNECTED,
        aiohttp.ServerFingerprintMismatch: _NOT_CONNECTED,
        aiohttp.ConnectionTimeoutError: _LATE_CONNECTING,
        TimeoutError: _LATE,
        aiohttp.ServerTimeoutError: _LATE,
        aiohttp.SocketTimeoutError: _LATE,
        OSError: _LOST,
        ssl.SSLError: _LOST,
        LostConnection: _NOT_CONNECTED,
        aiohttp.ClientConnectionError: _LOST,
        aiohttp.ClientConnectionResetError: _LOST,
        aiohttp.ClientOSError: _LOST,
        aiohttp.ServerConnectionError: _LOST,
        aiohttp.ServerDisconnectedError: _LOST,
        aiohttp.UploadAbortedError: _LOST,
        RefusedReply: _BROKEN,
        aiohttp.ClientError: _BROKEN,
        aiohttp.ClientPayloadError: _BROKEN,
        aiohttp.ClientResponseError: _BROKEN,
        aiohttp.ContentTypeError: _BROKEN,
        aiohttp.ClientHttpProxyError: _BROKEN,
        aiohttp.TooManyRedirects: _BROKEN,
        aiohttp.WSServerHandshakeError: _BROKEN,
        aiohttp.RedirectClientError: _BROKEN,
        http_exceptions.HttpProcessingError: _BROKEN,
        UnsafeRequest: _NO_ADDRESS,
        aiohttp.InvalidURL: _NO_ADDRESS,
        aiohttp.InvalidUrlClientError: _NO_ADDRESS,
        aiohttp.NonHttpUrlClientError: _NO_ADDRESS,
        aiohttp.InvalidUrlRedirectClientError: _BROKEN,
        aiohttp.NonHttpUrlRedirectClientError: _BROKEN,
    }
)
"""Each exception of the engine; a class not listed counts as its nearest listed ancestor."""

MAPPED: Final = (aiohttp.ClientError, OSError, http_exceptions.HttpProcessingError)
"""What to catch around an attempt: the roots of `TABLE` (`TimeoutError` is an `OSError`)."""


def failure_of(error: BaseException, stage: Stage) -> Failure:
    """What `error`, raised at `stage`, means."""
    found = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    if found is _NO_ADDRESS:
        return found
    if stage is Stage.WAITING:
        return Failure(Overloaded, "no") if found is _LATE else _NOT_CONNECTED
    if stage is Stage.CONNECTING:
        return _LATE_CONNECTING if found.error is CentreTimeout else _NOT_CONNECTED
    return found
