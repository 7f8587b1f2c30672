"""A gateway with the drop-in face, a mock centre beside it, and the programs that call both.

```
program ─► Face.ask(gateway)  ─┐
        └► Face.ask(mock)     ─┴─► the same bytes
```
"""

from __future__ import annotations

import json
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gateway.mock_siak.demo_accounts import demo_accounts
from gateway.testing.comparing import values_of
from gateway.testing.processes import SEED, demo_rights
from tests.http.rig import Rig, ask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.mock_siak.accounts import Account
    from tests.http.rig import Heard

ACCOUNTS = {account.user_id: account for account in demo_accounts(SEED)}
PROGRAMS = {
    "uji_beban": "",
    "dukcapil_sampang": "",
    "dpmptsp": "",
    "dinkes_serang": "",
    "dinsos_jepara": 'refusal = "http_503"\n',
    "rsud_sampang": "",
    "kuota_habis": "",
    "pengguna_nonaktif": "",
    "di_luar_jam": "",
}
"""Accounts whose programs moved to the gateway, with what their profiles say beside the account's own facts."""

GROUPS = ("active", "deceased", "duplicate", "inactive", "moved", "papua", "one_word", "apostrophe")


def profile(account: Account, name: str, more: str = "") -> str:
    """The config of a program that speaks as an account of the mock."""
    lines = [
        f"[adapters.dukcapil_ws.clients.{name}]",
        f'path = "{account.path}"',
        f'user_id = "{account.user_id}"',
        f'door = "{account.door}"',
        f"ips = {json.dumps(list(account.ips))}",
        f'error_shape = "{account.error_shape}"',
        f"daily_password = {json.dumps(account.daily_password)}",
        f"quota_shown = {json.dumps(account.quota_shown)}",
    ]
    return "\n".join(lines) + f"\n{more}"


def secrets(name: str, account: Account, key: str) -> dict[str, str]:
    """A program's two secrets."""
    stem = f"SIAK_GATEWAY_SECRET_DUKCAPIL_WS_{name.upper()}"
    return {f"{stem}_PASSWORD": account.password, f"{stem}_KEY": key}


def config(programs: Mapping[str, str], more: str = "") -> str:
    """The config of a gateway for some programs, each named after its user."""
    tables = "\n".join(profile(ACCOUNTS[name], name, extra) for name, extra in programs.items())
    return f'[adapters]\nenabled = ["dukcapil_ws"]\n{more}\n{tables}'


class Face:
    """A rig whose gateway serves programs.

    Args:
        rig: The rig, open; its callers are made here.
        programs: As `PROGRAMS`.
        facts: Arguments of `Callers.add` for some of their callers.
    """

    def __init__(
        self,
        rig: Rig,
        programs: Mapping[str, str] = PROGRAMS,
        facts: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        self.rig = rig
        for name in programs:
            told = {"right": name, "adapter": "dukcapil_ws", **facts.get(name, {})}
            key = rig.add_client(f"ws-{name}", **told)
            rig.environ.update(secrets(name, ACCOUNTS[name], key))
        rig.run(rig.gateway.reload(rig.settings()))
        self.centre = rig.environ["SIAK_GATEWAY_CENTRE_URL"]

    @classmethod
    def rig_of(cls, folder: Path, programs: Mapping[str, str] = PROGRAMS, more: str = "") -> Rig:
        """A rig with rights and profiles for these programs, not open yet."""
        rights = demo_rights({name: name for name in programs}, SEED)
        return Rig(folder, config=config(programs, more), rights=rights)

    def values(self) -> dict[str, str]:
        """What stands for the names in recorded questions."""
        population = self.rig.mock.population
        accounts = [{"user_id": one.user_id, "password": one.password} for one in ACCOUNTS.values()]
        cards = [str(card) for card in population.sample_cards(3)]
        trial = {"ws_accounts": accounts, "sample_niks": population.samples("active", 5), "sample_no_kks": cards}
        found = values_of(trial, time.time())
        for group in GROUPS:
            found |= {f"nik_{group}_{n}": nik for n, nik in enumerate(population.samples(group, 3))}
        return found | {"nik_unknown_0": self.stranger()}

    def stranger(self, place: int = 0) -> str:
        """A well-formed NIK that nobody bears."""
        return self.rig.mock.population.strangers(place + 1)[place]

    def call(self, name: str, nik: str, **more: Any) -> dict[str, Any]:
        """Parameters of a program's call."""
        account = ACCOUNTS[name]
        ip = account.ips[0] if account.ips else "x"
        return {"nik": nik, "user_id": name, "password": account.password, "ip_user": ip, **more}

    def post(
        self, url: str, name: str, parameters: Mapping[str, Any], method: str = "CALL_NIK", **headers: str
    ) -> Heard:
        """A program's POST of JSON, to the gateway or the mock."""
        fields = {key.replace("_", "-"): value for key, value in headers.items()}
        target = f"/dukcapil/get_json/{ACCOUNTS[name].path}/{method}"
        return ask(url, "POST", target, json.dumps(parameters).encode(), fields)

    def both(self, name: str, parameters: Mapping[str, Any], method: str = "CALL_NIK") -> tuple[Heard, Heard]:
        """The gateway's and the mock's answer to one call."""
        ours = self.post(self.rig.url, name, parameters, method)
        return ours, self.post(self.centre, name, parameters, method)

    @property
    def calls(self) -> int:
        """Calls that arrived at the centre so far, but for those by which the gateway follows its events."""
        return self.rig.mock.stats.asked()
