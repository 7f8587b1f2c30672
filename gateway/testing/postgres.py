"""A PostgreSQL server of a test's own: made in a temporary folder, reached through a socket there, thrown away.

```
with PostgresServer() as server:      initdb, start (as an unprivileged user when run by root)
    url = server.new_database()       an empty database, or with `like` a copy of one
    server.restart()                  what a maintenance window looks like; also stop() and start()
```
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_PORT = "5432"
"""Only part of the socket's name; no port is opened."""

_VERSIONS = Path("/usr/lib/postgresql")
"""Where Debian and Ubuntu install servers, off the PATH."""

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "logging_collector": "off",
}


class PostgresMissing(RuntimeError):
    """No PostgreSQL server is installed here."""


def binaries(versions: Path = _VERSIONS) -> Path:
    """The folder of the newest PostgreSQL server installed.

    Args:
        versions: Where the distribution keeps one folder for each version.

    Raises:
        PostgresMissing: There is none.
    """
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(versions.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresMissing("install the package postgresql, or put initdb on the PATH")
    return found[-1].parent


class PostgresServer:
    """One server; a context manager. Making it is cheap, entering it takes about two seconds.

    Args:
        durable: Whether a commit waits for the disk.
        environ: Further environment variables of the server.
    """

    def __init__(self, *, durable: bool = False, environ: Mapping[str, str] | None = None) -> None:
        self._fsync = "on" if durable else "off"
        self._environ = dict(environ or {})
        self._binaries = binaries()
        self._user = _unprivileged_user()
        self._numbers = count(1)
        self._folder = Path()

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="gateway-pg-"))
        try:
            if self._user is not None:
                shutil.chown(self._folder, self._user, pwd.getpwnam(self._user).pw_gid)
            self._run("initdb", "-D", str(self._data), "-U", "gateway", "-A", "trust", "-E", "UTF8", "--no-sync")
            self._configure()
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "start")

    def stop(self) -> None:
        """Stop the server, cutting all connections; nothing to do if it is stopped."""
        self._stop("fast")

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop all connections in their tracks: they stay open and never answer."""
        self._signal_backends(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let frozen connections go on."""
        self._signal_backends(signal.SIGCONT)

    def new_database(self, like: str | None = None) -> str:
        """Make a database; its URL.

        Args:
            like: URL of a database of this server, to which nobody is connected, to copy; None makes an empty one.
        """
        name = f"test_{next(self._numbers)}"
        copied = () if like is None else ("--template", urlsplit(like).path.removeprefix("/"))
        self._run("createdb", "-h", str(self._folder), "-p", _PORT, "-U", "gateway", *copied, name)
        return self.url(name)

    def url(self, name: str) -> str:
        """URL of a database of this server."""
        return f"postgresql://gateway@/{name}?host={self._folder}&port={_PORT}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _configure(self) -> None:
        settings = {**_SETTINGS, "fsync": self._fsync, "unix_socket_directories": str(self._folder), "port": _PORT}
        with (self._data / "postgresql.conf").open("a") as config:
            config.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _stop(self, mode: str) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def _signal_backends(self, number: signal.Signals) -> None:
        postmaster = (self._data / "postmaster.pid").read_text().splitlines()[0]
        for children in Path(f"/proc/{postmaster}/task").glob("*/children"):
            for child in children.read_text().split():
                if b"[local]" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), number)

    def _run(self, program: str, *arguments: str) -> None:
        options: dict[str, Any] = {}
        if self._user is not None:
            options = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}
        subprocess.run(  # a program of the server's own folder, arguments made here
            [self._binaries / program, *arguments],
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **self._environ},
            **options,
        )


def _unprivileged_user() -> str | None:
    """Who runs the server: the present user, or for root (whom PostgreSQL refuses) its own user."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
