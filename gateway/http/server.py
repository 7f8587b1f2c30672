"""The HTTP server, the only file that knows Granian; uvicorn stands ready behind the same two verbs.

A listener owns its socket: it binds before anything starts, says clearly when the port is taken, and hands the socket
to the server, so that two gateways can never share a port by accident.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import uvicorn
    from granian.server.embed import Server

Engine = Literal["granian", "uvicorn"]
BACKLOG = 1024
MOST_CONNECTIONS = 100_000
"""Connections a listener holds at once; more wait in the kernel. The limiter refuses long before."""

STOP_WITHIN = 1.0
"""Seconds that the server is given to end; Granian waits ten for a request's head of which half was sent."""


class PortTaken(Exception):  # told to the admin as it is
    """The address is in use by another program."""


class CertificateUnusable(Exception):  # told to the admin as it is
    """The certificate chain or its key cannot be read, or they do not belong together."""


class Listener:
    """One address that serves one application.

    Args:
        app: The application; one that has `__rsgi__` is spoken to in it where the server can.
        host: Address to bind.
        port: Port to bind; 0 takes a free one.
        tls: Certificate chain and key as PEM files, or None for plain HTTP.
        engine: Which server.
        connections: Connections it holds at once; more wait in the kernel. uvicorn knows no such bound.

    Raises:
        CertificateUnusable: `tls` names files that no server can use.
        PortTaken: Another program has the port.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        host: str,
        port: int,
        *,
        tls: tuple[Path, Path] | None = None,
        engine: Engine = "granian",
        connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._app = app
        self._tls = tls
        self._engine = engine
        self._connections = min(connections, MOST_CONNECTIONS)
        self._running: asyncio.Task[None] | None = None
        self._stop: Callable[[], None] = _nothing
        if tls is not None:
            _check_certificate(*tls)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise PortTaken(f"cannot listen on {host}:{port}: {error.strerror}") from None
        self._socket.setblocking(False)  # noqa: FBT003 # the socket API is positional

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self._tls else 'http'}://{shown}:{port}"

    async def start(self) -> None:
        """Begin to accept; returns once the server task runs."""
        serve, self._stop = self._granian() if self._engine == "granian" else self._uvicorn()
        self._running = asyncio.create_task(serve)
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Stop accepting, drop what is still open and close the socket.

        A server that has not ended within `STOP_WITHIN` is left to itself: it accepts nothing more and ends with the
        process, or once its last connection does.
        """
        self._stop()
        try:
            if self._running is not None:
                ended, _ = await asyncio.wait({self._running}, timeout=STOP_WITHIN)
                for task in ended:
                    task.result()
        finally:
            self._socket.close()

    def _granian(self) -> tuple[Any, Callable[[], None]]:
        server = _granian_on(self._socket, self._app, self._tls, self._connections)
        return server.serve(), server.stop

    def _uvicorn(self) -> tuple[Any, Callable[[], None]]:
        server = _uvicorn_with(self._app, self._tls)

        def stop() -> None:
            server.should_exit = server.force_exit = True

        return server.serve([self._socket]), stop


def _check_certificate(chain: Path, key: Path) -> None:
    import ssl  # noqa: PLC0415 # few gateways end TLS themselves

    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(chain, key, password="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "not a PEM file of that kind"
        raise CertificateUnusable(f"server.tls_cert {chain} with server.tls_key {key}: {reason}") from None


def _nothing() -> None:
    """Stand in until the listener is started."""


def _granian_on(
    sock: socket.socket, app: Callable[..., Any], tls: tuple[Path, Path] | None, connections: int
) -> Server:
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415 # loaded only by the process that serves
    from granian.http import HTTP1Settings  # noqa: PLC0415
    from granian.net import SocketHolder  # type: ignore[attr-defined] # noqa: PLC0415 # public in fact, not marked so
    from granian.server.embed import Server as Embedded  # noqa: PLC0415

    holder: Any = SocketHolder
    is_uds = False
    descriptor = os.dup(sock.fileno())  # the holder closes what it is given

    class OnOurSocket(Embedded):
        """Granian, embedded in our loop, on a socket that is already bound."""

        _ssp: Any
        _shd: Any
        _sfd: Any

        def _init_shared_socket(self) -> None:
            self._ssp = None
            self._shd = holder(descriptor, is_uds, BACKLOG)
            self._sfd = descriptor

    certificate, key = tls if tls is not None else (None, None)
    return OnOurSocket(
        app,
        interface=Interfaces.RSGI if hasattr(app, "__rsgi__") else Interfaces.ASGINL,
        http=HTTPModes.http1 if tls is None else HTTPModes.auto,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        websockets=False,
        backlog=BACKLOG,
        backpressure=connections,
        log_enabled=False,
        ssl_cert=certificate,
        ssl_key=key,
    )


def _uvicorn_with(app: Callable[..., Any], tls: tuple[Path, Path] | None) -> uvicorn.Server:
    import uvicorn as engine  # noqa: PLC0415 # loaded only where it was chosen

    config = engine.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        ws="none",
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    server = engine.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # signals belong to the wiring
    return server
