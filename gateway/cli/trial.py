"""A gateway to try out: its mock centre, its secrets, its demo clients, as real processes."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway.cli.trial_environment import FILE, exports
from gateway.cli.trial_people import demo_people
from gateway.cli.trial_programs import programs
from gateway.contract.errors import GatewayError
from gateway.mock_siak.accounts import demo_password
from gateway.mock_siak.authority import authority_of
from gateway.mock_siak.demo_accounts import demo_accounts
from gateway.mock_siak.process import start_process
from gateway.vault.keys import Keyring, environment_of
from gateway.wiring.claim import SERVING, TRIAL, claimed
from gateway.wiring.offline import make_keys, with_callers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.cli.trial_programs import Program
    from gateway.mock_siak.process import MockProcess
    from gateway.people.callers import Callers
    from gateway.settings import Settings

SEED = 1
READY_WITHIN = 30.0
STOP_WITHIN = 4.0
VILLAGE = "3527032001"
"""Village of the desk among the demo clients."""


class TrialFailed(Exception):  # its text is the message
    """The trial could not be started."""


class Trial:
    """One trial, from `start` to `stop`.

    Args:
        settings: The gateway's config.
        config_file: Where it came from, for the gateway's own process.
        population: People of the mock.
        environ: The environment.
        dev: The gateway reloads when a file of an extension changes.
    """

    def __init__(
        self,
        settings: Settings,
        config_file: Path | None,
        population: int,
        environ: Mapping[str, str],
        *,
        dev: bool = False,
    ) -> None:
        self._settings = settings
        self._config_file = config_file
        self._population = population
        self._dev = dev
        self._environ = dict(environ)
        self._mock: MockProcess | None = None
        self._gateway: subprocess.Popen[bytes] | None = None
        self._held = ExitStack()
        self.facts: dict[str, Any] = {}

    def start(self, say: Callable[[str], None]) -> None:
        """Start everything, telling each step.

        Raises:
            TrialFailed: A port is taken, or the gateway did not become ready.
            FolderTaken: Another trial or gateway runs on the same data folder.
        """
        folder = self._settings.data_folder
        self._held.enter_context(claimed(folder, TRIAL))
        with claimed(folder, SERVING):  # looked at before anything is made; our own gateway takes it for itself
            pass
        self._make_secrets()
        say("Starting the mock centre ...")
        self._start_mock()
        clients = self._demo_clients()
        people = demo_people(self._settings, self._environ, folder / "demo.json", VILLAGE)
        self._hand_over(clients)
        say("Starting the gateway ...")
        self._start_gateway()
        self.facts = {
            **self._urls(),
            "gateway_pid": None if self._gateway is None else self._gateway.pid,
            "clients": clients,
            "people": people,
            "ws_accounts": _ws_accounts(self._settings),
            **self._samples(),
        }
        _write_private(folder / "demo.json", json.dumps(self.facts, indent=2) + "\n")
        _write_private(self._environment_file, exports(self._environ))

    def wait(self, is_asked: Callable[[], bool]) -> str:
        """Wait until one of the processes ends; which.

        Args:
            is_asked: Whether the trial is to end.

        Raises:
            KeyboardInterrupt: It is.
        """
        while True:
            if is_asked():
                raise KeyboardInterrupt
            if self._gateway is not None and self._gateway.poll() is not None:
                return "The gateway"
            if self._mock is not None and not _alive(self._mock.pid):
                return "The mock centre"
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop both; kill what does not stop in time."""
        with self._held:  # whatever happens, the folder is free afterwards
            self._stop()

    def _stop(self) -> None:
        if self._gateway is not None:
            self._gateway.terminate()
        if self._mock is not None:
            try:
                self._mock.stop()
            except subprocess.TimeoutExpired:
                self._mock.kill()
        if self._gateway is not None:
            try:
                self._gateway.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._gateway.kill()
                self._gateway.wait()

    def things_to_try(self) -> str:
        """What to do next, to paste into another terminal."""
        facts = self.facts
        nik = facts["sample_niks"][0]
        key = facts["clients"][0]["key"]
        ask = (
            f"curl -s {facts['gateway']}/v1/residents/lookup -H 'Authorization: Bearer {key}' \\\n"
            f'       -H \'Content-Type: application/json\' -d \'{{"nik":"{nik}","purpose":"pelayanan"}}\''
        )
        away = f"""curl -s -X PUT {facts["mock_control"]}/_mock/behaviour -d '{{"mode":"hang"}}'"""
        keys = "\n".join(f"  {one['name']:<26} {one['key']}" for one in facts["clients"] if not one["adapter"])
        people = "\n".join(f"  {one['user_name']:<26} {one['password']}" for one in facts["people"])
        device = next(one["totp_secret"] for one in facts["people"] if "totp_secret" in one)
        reload = f"kill -HUP {facts['gateway_pid']}"
        return f"""
Gateway    {facts["gateway"]}      status {facts["gateway"]}/status    docs {facts["gateway"]}/docs
operator   {facts["operator"]}      metrics {facts["operator"]}/metrics
mock SIAK  {facts["mock"]}      control {facts["mock_control"]}

Demo keys (all people are synthetic; the keys are in {self._settings.data_folder / "demo.json"} too):
{keys}

Demo people, who sign in at {facts["gateway"]}/people/sign-in with these passwords; demo-admin shows a code too, of an
authenticator app that is given the key {device} (or `otpauth` of demo.json as a QR code):
{people}

Three things to try in another terminal:
  1. Look up a resident:
     {ask}
  2. Take the centre away, then look up the same resident again: the last known answer stands in, with its age,
     even if you insist on the centre (add -H 'Cache-Control: no-cache').
     {away}
  3. Bring it back ("mode":"up") and watch {facts["gateway"]}/status

Beside it: `siak-gateway doctor` looks at everything; for other commands: . {self._environment_file}
           {reload} reads the config again (a HUP to this process ends both)
Ctrl-C stops both.
"""

    @property
    def _environment_file(self) -> Path:
        return self._settings.secrets_folder / FILE

    def _make_secrets(self) -> None:
        folder = self._settings.secrets_folder
        make_keys(self._settings, self._environ)
        if not Keyring.is_in(self._environ):
            self._environ.update(environment_of(folder))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {account.user_id for account in demo_accounts(SEED)}
        for name, right in self._settings.rights.items():
            variable = right.password_variable(name)
            if variable in self._environ or f"{variable}_FILE" in self._environ or right.user_id not in known:
                continue
            file = folder / f"centre-{name}.password"
            if not file.exists():
                _write_private(file, demo_password(SEED, right.user_id) + "\n")
            self._environ[f"{variable}_FILE"] = str(file)

    def _hand_over(self, clients: list[dict[str, Any]]) -> None:
        """Give adapters the secrets of the programs they serve, as an admin would."""
        keys = {one["name"]: one["key"] for one in clients}
        for program in _programs(self._settings):
            for variable, value in program.secrets(keys[program.caller], SEED).items():
                if variable in self._environ or f"{variable}_FILE" in self._environ:
                    continue
                file = self._settings.secrets_folder / variable.removeprefix("SIAK_GATEWAY_SECRET_").lower()
                _write_private(file, value + "\n")
                self._environ[f"{variable}_FILE"] = str(file)

    def _start_mock(self) -> None:
        port = _port(self._environ, "SIAK_MOCK_PORT", 8090)
        control_port = _port(self._environ, "SIAK_MOCK_CONTROL_PORT", 8091)
        try:
            self._mock = start_process(
                port=port,
                control_port=control_port,
                population=self._population,
                seed=SEED,
                state=self._settings.data_folder / "mock",
                new_session=True,
            )
        except RuntimeError as error:
            raise TrialFailed(
                f"The mock centre did not start: {error}. Is port {port} or {control_port} taken? "
                "Others are set with SIAK_MOCK_PORT and SIAK_MOCK_CONTROL_PORT."
            ) from None
        if not self._environ.get("SIAK_GATEWAY_CENTRE_URL"):
            self._environ["SIAK_GATEWAY_CENTRE_URL"] = self._mock.url
            file = self._settings.secrets_folder / "centre-roots.pem"
            _write_private(file, authority_of(SEED).root().decode())
            self._environ.setdefault("SIAK_GATEWAY_CENTRE_ROOTS", str(file))

    def _start_gateway(self) -> None:
        command = [sys.executable, "-m", "gateway", "serve"]
        if self._config_file is not None:
            command += ["--config", str(self._config_file)]
        if self._dev:
            command.append("--dev")
        self._gateway = subprocess.Popen(command, env=self._environ, start_new_session=True)  # ourselves
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self._gateway.poll() is not None:
                raise TrialFailed("The gateway ended before it was ready; see its message above.")
            if self._is_announced(self._gateway.pid) and _ready(self._addresses()["gateway"]):
                return
            time.sleep(0.05)
        raise TrialFailed(f"The gateway was not ready within {READY_WITHIN:.0f} s.")

    def _is_announced(self, pid: int) -> bool:
        """Whether the addresses in the data folder are those of this process, not of one before it."""
        try:
            return (self._settings.data_folder / "gateway.pid").read_text() == f"{pid}\n"
        except FileNotFoundError:
            return False

    def _addresses(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self._settings.data_folder / "addresses.json").read_text())
        return found

    def _urls(self) -> dict[str, str]:
        if self._mock is None:
            raise TrialFailed("The mock centre is not running.")
        return {**self._addresses(), "mock": self._mock.url, "mock_control": self._mock.control_url}

    def _demo_clients(self) -> list[dict[str, Any]]:
        known = _read_clients(self._settings.data_folder / "demo.json")
        return with_callers(self._settings, self._environ, lambda callers: _ensure(callers, known, self._settings))

    def _samples(self) -> dict[str, Any]:
        if self._mock is None:
            return {}
        with urllib.request.urlopen(f"{self._mock.control_url}/_mock/samples", timeout=5) as answer:  # our mock
            found = json.load(answer)
        return {"sample_niks": found["niks"]["active"], "sample_no_kks": found["no_kks"]}


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdecimal()):
        raise TrialFailed(f"{name} must be the number of a port.")
    return int(text)


def _demo_set(settings: Settings) -> list[dict[str, Any]]:
    """Which clients the demo has: one of a village, one of the regency, one per further right."""
    rights = list(settings.rights)
    clients = [
        {"name": f"demo-{right.replace('_', '-')}", "right": right, "village": None, "adapter": None}
        for right in rights
    ]
    if rights:
        clients.insert(1, {"name": "demo-desa", "right": rights[0], "village": VILLAGE, "adapter": None})
    return clients + [program.wanted() for program in _programs(settings)]


def _programs(settings: Settings) -> list[Program]:
    return programs(settings, {account.user_id for account in demo_accounts(SEED)})


async def _ensure(callers: Callers, known: Mapping[str, str], settings: Settings) -> list[dict[str, Any]]:
    """Each demo client with a key that works; made only where it is missing."""
    result = []
    for wanted in _demo_set(settings):
        key = known.get(wanted["name"])
        if key is None or not _works(callers, key):
            key = await _renew(callers, wanted)
        result.append({name: wanted[name] for name in ("name", "adapter", "village")} | {"key": key})
    return result


def _works(callers: Callers, key: str) -> bool:
    try:
        callers.find(key)
    except GatewayError:
        return False
    return True


async def _renew(callers: Callers, wanted: Mapping[str, Any]) -> str:
    names = {facts.caller.name for facts in await callers.list() if facts.revoked_at is None}
    if wanted["name"] in names:
        return await callers.rotate(wanted["name"])
    _caller, key = await callers.add(
        wanted["name"],
        right=wanted["right"],
        village=wanted["village"],
        adapter=wanted["adapter"],
        may_skip_cache=True,
    )
    return key


def _read_clients(file: Path) -> dict[str, str]:
    try:
        return {one["name"]: one["key"] for one in json.loads(file.read_text())["clients"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # no trial before, or a file that is not ours: keys are made anew


def _ws_accounts(settings: Settings) -> list[dict[str, str | bool]]:
    """The mock's accounts, and whether the gateway serves their programs too."""
    served = {program.user_id for program in _programs(settings)}
    return [
        {
            "path": one.path,
            "user_id": one.user_id,
            "password": one.password,
            "ip_user": one.ips[0] if one.ips else "",
            "gateway": one.user_id in served,
        }
        for one in demo_accounts(SEED)
    ]


def _write_private(file: Path, text: str) -> None:
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=1) as answer:  # our own gateway
            return bool(answer.status == HTTPStatus.OK)  # the status that means ready
    except (urllib.error.URLError, OSError):
        return False


def _alive(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False
