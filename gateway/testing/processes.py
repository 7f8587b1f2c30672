"""A real gateway as a process, for tests and benchmarks: start it, talk to it, signal it, kill it.

```python
with start_process() as mock, GatewayProcess(tmp_path, mock.url) as gateway:
    key = gateway.add_client("desk", right="sampang")
    status, headers, body = gateway.post("/v1/residents/lookup", {"nik": nik, "purpose": "pelayanan"}, key=key)
```
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urlsplit

from gateway.mock_siak.accounts import demo_password
from gateway.mock_siak.demo_accounts import demo_accounts
from gateway.mock_siak.forms import FORMS
from gateway.settings import load
from gateway.vault.keys import create_secrets, environment_of
from gateway.wiring.offline import with_callers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.mock_siak.accounts import Account

READY_WITHIN = 20.0
STOP_WITHIN = 10.0
SEED = 1

_METHODS = {
    "biodata": ("biodata", "CALL_NIK"),
    "kk": ("family_card", "CALL_NIK_GET_KK"),
    "verify": ("verify", "NIK_VERIFBY_ELEMEN"),
}


def right_of(account: Account, name: str, *, allowance: int | None = None) -> str:
    """The config of a right that speaks through one of the mock's accounts.

    Args:
        account: The account.
        name: Name of the right.
        allowance: Its daily allowance; None sets none.

    Returns:
        TOML of one `[rights.<name>]` table.
    """
    services = ", ".join(f'{_METHODS[kind][0]} = "{account.path}/{_METHODS[kind][1]}"' for kind in account.kinds)
    fields = '"all"' if account.fields is None else json.dumps(list(account.fields))
    lines = [
        f"[rights.{name}]",
        f'title = "{account.title or name}"',
        f'user_id = "{account.user_id}"',
        f'ip_user = "{account.ips[0] if account.ips else "127.0.0.1"}"',
        f"fields = {fields}",
        'purposes = ["pelayanan", "verifikasi", "statistik"]',
        f"services = {{ {services} }}",
    ]
    if handed_in := [name for name in account.writes if name in FORMS]:
        lines.append(f"submissions = {json.dumps(handed_in)}")
    if account.door == "ws_server":
        lines.append('door = "ws_server"')
    if account.daily_password:
        lines.append("daily_password = true")
    if allowance is not None:
        lines.append(f"daily_allowance = {allowance}")
    return "\n".join(lines) + "\n"


def demo_rights(names: Mapping[str, str] | None = None, seed: int = SEED) -> str:
    """The config of rights for the mock's demonstration accounts.

    Args:
        names: Name of the right by user id of the account; None takes one right named `sampang`.
        seed: Seed of the mock.
    """
    wanted = names or {"dukcapil_sampang": "sampang"}
    return "\n".join(
        right_of(account, wanted[account.user_id]) for account in demo_accounts(seed) if account.user_id in wanted
    )


class Child(Protocol):
    """A process that was started; `subprocess.Popen` is one."""

    @property
    def pid(self) -> int:
        """The process id."""

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; the exit code.

        Raises:
            subprocess.TimeoutExpired: It runs on.
        """


class GatewayProcess:
    """One gateway process with a data folder, a config file and secrets of its own; a context manager.

    Args:
        folder: Where everything of it lives; it may be started there again.
        centre: URL of the centre.
        config: TOML beside the rights, such as `[centre]`.
        rights: TOML of the rights; None takes `demo_rights()`.
        environ: Further environment variables.
        seed: Seed of the mock, for the passwords of its accounts.
        options: Further options of `serve`.
    """

    def __init__(
        self,
        folder: Path,
        centre: str,
        *,
        config: str = "",
        rights: str | None = None,
        environ: Mapping[str, str] | None = None,
        seed: int = SEED,
        options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.config_file = folder / "gateway.toml"
        self.log_file = folder / "gateway.log"
        folder.mkdir(parents=True, exist_ok=True)
        self.write_config(config + "\n" + (demo_rights(seed=seed) if rights is None else rights))
        create_secrets(self.data / "secrets")
        self.environ = {
            **_clean_environment(),
            **environment_of(self.data / "secrets"),
            **_passwords(self.config_file, seed),
            "SIAK_GATEWAY_VAR": str(self.data),
            "SIAK_GATEWAY_CENTRE_URL": centre,
            "SIAK_GATEWAY_PORT": "",
            **(environ or {}),
        }
        self._options = tuple(options)
        self._child: Child | None = None
        self.url = ""
        self.operator = ""

    def write_config(self, text: str) -> None:
        """Replace the config file; ports are the system's choice unless the text says otherwise."""
        if "[server]" not in text:
            text = f"[server]\nport = 0\noperator_port = 0\n{text}"
        self.config_file.write_text(text, encoding="utf-8")

    def start(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            RuntimeError: It ended, or is not ready in time; the text holds the end of its log.
        """
        addresses = self.data / "addresses.json"
        addresses.unlink(missing_ok=True)
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(self.config_file), *self._options]
        self._child = self.spawn(command)
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self._child.poll() is None:
            if addresses.exists() and (text := addresses.read_text()):
                urls = json.loads(text)
                self.url, self.operator = urls["gateway"], urls["operator"]
                if self.get("/health/ready")[0] == http.client.OK:
                    return self
            time.sleep(0.01)
        if self._child.poll() is None:
            self.kill()
        raise RuntimeError(f"the gateway did not become ready: {self.log()[-2000:]}")

    def spawn(self, command: Sequence[str]) -> Child:
        """Start the process, its words going to the log file; another way of starting it may stand here."""
        with self.log_file.open("ab") as log:
            return subprocess.Popen(command, env=self.environ, stdout=log, stderr=log, cwd=self.folder)

    @property
    def pid(self) -> int:
        """The process id."""
        if self._child is None:
            raise RuntimeError("the gateway was not started")
        return self._child.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def stop(self) -> int:
        """Ask it to stop and wait; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> int:
        """Kill it as a power cut would; the exit code."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def wait(self, seconds: float = STOP_WITHIN) -> int:
        """Wait until it has ended; the exit code."""
        if self._child is None:
            raise RuntimeError("the gateway was not started")
        return self._child.wait(seconds)

    def log(self) -> str:
        """Everything it logged."""
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""

    def wait_for_log(self, text: str, seconds: float = 10.0, *, after: int = 0) -> str:
        """Wait until a text stands in the log behind position `after`; the log from there.

        Raises:
            TimeoutError: It does not appear in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if text in (log := self.log()[after:]):
                return log
            time.sleep(0.01)
        raise TimeoutError(f"{text!r} is not in the log: {self.log()[-2000:]}")

    def add_client(self, name: str, **facts: Any) -> str:
        """Add a client (arguments of `Callers.add`); its key. It works as soon as a running gateway has seen it."""
        settings = load(self.config_file, self.environ)
        facts.setdefault("right", "sampang")
        key = with_callers(settings, self.environ, lambda callers: callers.add(name, **facts))[1]
        if self.url:
            self._await_key(key)
        return key

    def _await_key(self, key: str) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self.get("/v1/services", key=key)[0] != http.client.UNAUTHORIZED:
                return
            time.sleep(0.02)
        raise RuntimeError("the gateway did not take up the new key")

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        timeout: float = 30.0,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, header fields in lower case, body."""
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout)
        fields = dict(headers or {})
        if key is not None:
            fields["Authorization"] = f"Bearer {key}"
        try:
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path: str, *, key: str | None = None) -> tuple[int, dict[str, str], bytes]:
        """A GET."""
        return self.request("GET", path, key=key)

    def post(
        self,
        path: str,
        value: object,
        headers: Iterable[tuple[str, str]] = (),
        *,
        key: str | None = None,
        timeout: float = 30.0,
    ) -> tuple[int, dict[str, str], Any]:
        """A POST of JSON; the answer's body is decoded."""
        fields = {"Content-Type": "application/json", **dict(headers)}
        status, answered, body = self.request(
            "POST", path, json.dumps(value).encode(), fields, key=key, timeout=timeout
        )
        return status, answered, json.loads(body) if body else None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._child is not None and self._child.poll() is None:
            self.stop()


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SIAK_")}


def _passwords(config: Path, seed: int) -> dict[str, str]:
    settings = load(config, {})
    return {
        right.password_variable(name): demo_password(seed, right.user_id) for name, right in settings.rights.items()
    }
