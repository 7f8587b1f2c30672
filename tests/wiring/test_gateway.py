"""The gateway's life: opened whole or not at all, reloaded beside itself, closed without losing what is under way."""

from __future__ import annotations

import asyncio
import json
import socket
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from gateway.centre.allowance import Allowance
from gateway.centre.breaker import Breaker
from gateway.centre.cache import Cache
from gateway.centre.client import CentreClient
from gateway.centre.coalesce import Coalesce
from gateway.centre.limiter import Limiter
from gateway.centre.retry import Retry
from gateway.centre.written import Written
from gateway.http.server import PortTaken
from gateway.settings import ConfigFaults, SecretMissing
from gateway.testing.processes import demo_rights
from gateway.wiring.chain import ORDER
from gateway.wiring.process import _reload
from tests.http.rig import LOOKUP, Rig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.http.rig import Heard

ADAPTER = '[adapters]\nenabled = ["sample_adapter"]\n'
LEDGER = "[ledger]\nenabled = true\n"
TWO_RIGHTS = {"dukcapil_sampang": "sampang", "dinkes_serang": "serang"}


def adapter_of(rig: Rig) -> Any:
    """The running sample adapter."""
    return rig.gateway.generation.registry.members[0].extension


class Asking(Thread):
    """A request in a thread of its own."""

    def __init__(self, rig: Rig, path: str) -> None:
        super().__init__()
        self.rig, self.path = rig, path
        self.heard: Heard | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        self.heard = self.rig.get(self.path)

    def answer(self) -> Heard:
        """The answer, once it is there."""
        self.join(10)
        assert self.heard is not None
        return self.heard


def test_the_order_of_the_links_is_pinned(tmp_path: Path) -> None:
    """Cache, coalesce, retry, allowance, limiter, breaker, client: each attempt passes the last four."""
    assert (Cache, Written, Coalesce, Retry, Allowance, Limiter, Breaker, CentreClient) == ORDER
    with Rig(tmp_path, listen=False) as rig:
        assert tuple(type(link) for link in rig.gateway.chain.links()) == ORDER


def test_a_reload_takes_over_rights_and_purposes(tmp_path: Path) -> None:
    """After a reload a new right answers, a removed one is denied, and what is under way loses nothing."""
    with Rig(tmp_path, rights=demo_rights(TWO_RIGHTS)) as rig:
        key, other = rig.add_client("desk"), rig.add_client("health", right="serang")
        body = {"nik": rig.nik(), "purpose": "pelayanan"}
        assert [rig.post(LOOKUP, body, key=one).status for one in (key, other)] == [200, 200]
        settings = rig.settings(rights=demo_rights())
        assert rig.run(rig.gateway.reload(settings)).restart_needed == ()
        assert [rig.post(LOOKUP, body, key=one).status for one in (key, other)] == [200, 403]
        narrow = demo_rights().replace('"pelayanan", "verifikasi", "statistik"', '"verifikasi"')
        rig.run(rig.gateway.reload(rig.settings(rights=narrow)))
        assert rig.post(LOOKUP, body, key=key).status == 403


def test_a_reload_names_what_needs_a_restart(tmp_path: Path) -> None:
    """Ports and links of the chain keep their state; deadlines and bounds of requests change at once."""
    with Rig(tmp_path) as rig:
        config = (
            '[server]\nport = 1\noperator_port = 0\nmax_body_bytes = 1024\nengine = "uvicorn"\n'
            "[centre]\ndeadline = 3.0\nconnections = 7\n[centre.cache]\nfresh = 5\n"
        )
        reloaded = rig.run(rig.gateway.reload(rig.settings(config=config)))
        assert reloaded.restart_needed == ("server.port", "server.engine", "centre.connections", "centre.cache")
        heard = rig.post(LOOKUP, b" " * 1025, key=rig.add_client("desk"))
        rig.refused(heard, 413, "too_large")


def test_a_restart_is_needed_until_what_runs_is_what_is_configured(tmp_path: Path) -> None:
    """A second reload of the same file names the key again; putting the old value back takes it off."""
    changed = "[server]\nport = 1\noperator_port = 0\n"
    with Rig(tmp_path) as rig:
        for _ in range(2):
            assert rig.run(rig.gateway.reload(rig.settings(config=changed))).restart_needed == ("server.port",)
        assert rig.run(rig.gateway.reload(rig.settings())).restart_needed == ()


def test_a_reload_that_leaves_no_right_is_refused_while_keys_name_some(tmp_path: Path) -> None:
    """An emptied file cuts nobody off; a right that goes alone is named; without living keys both are let through."""
    with Rig(tmp_path, rights=demo_rights(TWO_RIGHTS)) as rig:
        assert rig.run(rig.gateway.reload(rig.settings(rights=demo_rights()))).stranded == ()
        rig.run(rig.gateway.reload(rig.settings(rights=demo_rights(TWO_RIGHTS))))
        key, _other = rig.add_client("desk"), rig.add_client("health", right="serang")
        with pytest.raises(ConfigFaults, match="no right is left, but living keys name sampang, serang"):
            rig.run(rig.gateway.reload(rig.settings(rights="")))
        assert rig.post(LOOKUP, {"nik": rig.nik(), "purpose": "pelayanan"}, key=key).status == 200
        assert rig.run(rig.gateway.reload(rig.settings(rights=demo_rights()))).stranded == ("serang",)
        for name in ("desk", "health"):
            rig.run(rig.gateway.callers.revoke(name))
        assert rig.run(rig.gateway.reload(rig.settings(rights=""))).stranded == ()


def test_rights_that_are_gone_are_logged_as_an_error(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A reload that loses one right of a living key takes effect, and the log names the right."""
    with Rig(tmp_path, config='[log]\nformat = "json"\n', rights=demo_rights(TWO_RIGHTS)) as rig:
        rig.add_client("health", right="serang")
        rig.settings(rights=demo_rights())
        rig.run(_reload(rig.gateway, rig.environ))
        assert rig.gateway.settings.rights.keys() == {"sampang"}
    captured = capfdbinary.readouterr()
    lines = [json.loads(line) for line in (captured.out + captured.err).splitlines() if line.startswith(b"{")]
    (gone,) = [line for line in lines if line["event"] == "gateway.rights.gone"]
    assert (gone["level"], gone["rights"]) == ("error", ["serang"])


@pytest.mark.parametrize(
    ("config", "rights", "fault"),
    [
        ('[plugins]\nenabled = ["nowhere"]\n', None, ConfigFaults),
        ('[plugins]\nenabled = ["sample_plugin"]\n[plugins.sample_plugin]\nfarewell = 1\n', None, ConfigFaults),
        ("", demo_rights().replace("[rights.sampang]", "[rights.new]\npassword_env = 'NOWHERE'"), SecretMissing),
    ],
)
def test_a_reload_that_cannot_be_used_changes_nothing(
    installed: None, tmp_path: Path, config: str, rights: str | None, fault: type[Exception]
) -> None:
    """Extensions that are not there, wrong tables, missing secrets: the old config stays."""
    del installed
    with Rig(tmp_path, config=ADAPTER) as rig:
        key, before = rig.add_client("desk"), rig.gateway.generation
        settings = rig.settings(config=ADAPTER + config, rights=rights)
        rig.environ.pop("NOWHERE", None)
        with pytest.raises(fault):
            rig.run(rig.gateway.reload(settings))
        assert rig.gateway.generation is before
        assert rig.post(LOOKUP, {"nik": rig.nik(), "purpose": "pelayanan"}, key=key).status == 200
        assert rig.get("/apps/sample_adapter/hello", key=rig.add_client("app", adapter="sample_adapter")).status == 200


def test_a_request_ends_under_the_config_it_began_with(installed: None, tmp_path: Path) -> None:
    """While a reload waits for it, its extension stays open; afterwards it is closed and its jobs are gone."""
    del installed
    with Rig(tmp_path, config=ADAPTER) as rig:
        old = adapter_of(rig)
        asking = Asking(rig, "/apps/sample_adapter/wait")
        rig.run(old.entered.wait())
        reloading = asyncio.run_coroutine_threadsafe(rig.gateway.reload(rig.settings()), rig._loop)
        while adapter_of(rig) is old:
            rig.run(asyncio.sleep(0))
        assert not old.closed
        assert not reloading.done()
        rig._loop.call_soon_threadsafe(old.go_on.set)
        assert asking.answer().json == {"done": True}
        reloading.result(10)
        assert old.closed
        owners = {state.owner for state in rig.gateway.supervisor.states()}
        assert owners == {"native", "dispatch", "documents", "follow", "forget", "notify", "sample_adapter#2"}


def test_a_request_that_outlasts_the_drain_is_cut_off(installed: None, tmp_path: Path) -> None:
    """Nothing waits longer than the drain time: it is told in the log, and the reload is done."""
    del installed
    server = "[server]\nport = 0\noperator_port = 0\ndrain = 0.05\n"
    with Rig(tmp_path, config=server + ADAPTER) as rig:
        old = adapter_of(rig)
        asking = Asking(rig, "/apps/sample_adapter/wait")
        rig.run(old.entered.wait())
        rig.run(rig.gateway.reload(rig.settings()))
        assert rig.log("gateway.drain.cut")[0]["seconds"] == 0.05
        rig._loop.call_soon_threadsafe(old.go_on.set)
        asking.answer()


def test_closing_lets_requests_end_and_refuses_new_ones(installed: None, tmp_path: Path) -> None:
    """While it closes, the request under way is answered and a new one is told to come back."""
    del installed
    with Rig(tmp_path, config=ADAPTER) as rig:
        adapter = adapter_of(rig)
        asking = Asking(rig, "/apps/sample_adapter/wait")
        rig.run(adapter.entered.wait())
        closing = rig.begin_close()
        while not rig.gateway.public.draining:
            rig.run(asyncio.sleep(0))
        heard = rig.get("/old/7")
        assert (heard.status, heard.json["code"]) == (503, "overloaded")
        rig._loop.call_soon_threadsafe(adapter.go_on.set)
        assert asking.answer().status == 200
        closing.result(10)
        assert adapter.closed


def test_a_taken_port_is_told_and_everything_can_be_closed(tmp_path: Path) -> None:
    """If the operator's port is taken the gateway says so, and closing leaves the public port free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = f"[server]\nport = 0\noperator_port = {taken.getsockname()[1]}\n"
        with Rig(tmp_path, config=config, listen=False) as rig, pytest.raises(PortTaken):
            rig.run(rig.gateway.listen())


def test_a_gateway_without_its_secrets_does_not_open(tmp_path: Path) -> None:
    """Every right's password that is missing is named at once, and nothing was made."""
    rig = Rig(tmp_path, rights=demo_rights(TWO_RIGHTS).replace("user_id", 'password_env = "NOWHERE"\nuser_id'))
    rig.environ["NOWHERE"] = ""
    with pytest.raises(SecretMissing) as missing, rig:
        pytest.fail("it must not open")
    assert {"rights.sampang", "rights.serang"} <= {line.partition(":")[0] for line in str(missing.value).splitlines()}
    assert not (tmp_path / "data" / "gateway.db").exists()


def test_who_claims_an_address_of_the_gateway_is_left_out(installed: None, tmp_path: Path) -> None:
    """The gateway starts and answers there itself; the others serve; the log and readiness name who is left out."""
    del installed
    with Rig(tmp_path, config=f'{ADAPTER}[plugins]\nenabled = ["squatter"]\n') as rig:
        assert b"<html" in rig.get("/status").body
        assert rig.get("/old/7").status == 200
        (failure,) = rig.gateway.generation.registry.failures
        assert (failure.extension, failure.stage) == ("squatter", "routes")
        assert failure.reason == "RouteFault: GET /status is claimed twice"
        ready = rig.get("/health/ready", operator=True)
        assert (ready.status, ready.json["checks"]["extension:squatter"]) == (503, failure.reason)


def test_a_gateway_on_a_broken_disk_is_not_ready(tmp_path: Path) -> None:
    """Readiness looks at the database itself: once it is gone the gateway says so, and stays alive."""
    with Rig(tmp_path, config=LEDGER) as rig:
        assert rig.get("/health/ready").json["checks"] == {"database": "ok", "ledger": "ok"}
        rig.run(rig.gateway.database.close())
        assert rig.get("/health/ready").json == {"status": "failing", "checks": {"database": "failing"}}
        heard = rig.get("/health/ready", operator=True)
        assert (heard.status, heard.json["status"]) == (503, "failing")
        assert heard.json["checks"]["database"].startswith("not ")
        assert rig.get("/health/live").status == 200


def test_a_gateway_whose_ledger_cannot_write_reveals_nothing(tmp_path: Path) -> None:
    """A look-up is refused with `storage_unavailable` though its answer is in the cache."""
    with Rig(tmp_path, config=LEDGER) as rig:
        key = rig.add_client("desk")
        body = {"nik": rig.nik(), "purpose": "pelayanan"}
        assert rig.post("/v1/residents/lookup", body, key=key).status == 200
        assert rig.gateway.ledger is not None
        rig.run(rig.gateway.ledger.close())
        heard = rig.post("/v1/residents/lookup", body, key=key)
        assert (heard.status, heard.json["code"]) == (503, "storage_unavailable")
        assert "nik" not in heard.json


def test_the_ledger_is_off_until_it_is_switched_on(tmp_path: Path) -> None:
    """Until then there is no file of it, and look-ups are answered."""
    with Rig(tmp_path) as rig:
        body = {"nik": rig.nik(), "purpose": "pelayanan"}
        assert rig.post("/v1/residents/lookup", body, key=rig.add_client("desk")).status == 200
        assert rig.gateway.ledger is None
        assert not list(tmp_path.rglob("ledger.db"))
