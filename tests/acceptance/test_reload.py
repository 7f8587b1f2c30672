"""`kill -HUP` on a running gateway, and keys that other processes take away."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest

from gateway.mock_siak.accounts import demo_password
from gateway.testing.processes import SEED
from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.stage import LOOKUP, ask, demo_right
from tests.measuring import quick_once, seconds_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Centre

HEAD = """
[plugins]
enabled = ["metrics"]

"""
RIGHTS = demo_right("dukcapil_sampang", "sampang")
MORE_RIGHTS = RIGHTS + demo_right("uji_beban", "second")
PURPOSES = """
[purposes.pelayanan]
title = "Service"
title_id = "Pelayanan"
[purposes.verifikasi]
title = "Check"
title_id = "Periksa"
[purposes.statistik]
title = "Count"
title_id = "Hitung"
[purposes.bansos]
title = "Social aid"
title_id = "Bantuan sosial"
"""
REVOKED_WITHIN = 2.0


@pytest.fixture(scope="module")
def gateway(nursery: Nursery, centre: Centre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """The gateway of this module, told beforehand the password of the right it will be given later."""
    centre.behave()
    later = {"SIAK_GATEWAY_SECRET_SECOND_PASSWORD": demo_password(SEED, "uji_beban")}
    folder = tmp_path_factory.mktemp("reload")
    with ForkedGateway(nursery, folder, centre.url, config=HEAD, rights=RIGHTS, environ=later) as running:
        yield running


@pytest.fixture(scope="module")
def key(gateway: GatewayProcess) -> str:
    """The key of a desk under the first right."""
    return gateway.add_client("desk")


@pytest.fixture(autouse=True)
def _as_at_first(gateway: GatewayProcess, centre: Centre) -> Iterator[None]:
    """Each test begins and ends with the first config and a centre that answers."""
    centre.behave()
    yield
    centre.behave()
    reload(gateway, HEAD + RIGHTS)


def reload(gateway: GatewayProcess, config: str, told: str = '"gateway.reloaded"') -> str:
    """Change the config and send SIGHUP; what is logged from then on until it says what became of it."""
    before = len(gateway.log())
    gateway.write_config(config)
    gateway.signal(signal.SIGHUP)
    return gateway.wait_for_log(told, after=before)


def has_metrics(gateway: GatewayProcess) -> bool:
    """Whether the operator listener shows the plugin's metrics."""
    try:
        with urllib.request.urlopen(f"{gateway.operator}/metrics", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def purpose_status(gateway: GatewayProcess, key: str, purpose: str, nik: str) -> int:
    """Status of a question with a purpose."""
    return gateway.post(LOOKUP, {"nik": nik, "purpose": purpose}, key=key)[0]


def test_a_good_config_takes_effect_by_sighup(gateway: GatewayProcess, centre: Centre, key: str) -> None:
    """A new purpose, a new right and a plugin switched off take effect by SIGHUP, in the same process."""
    nik = centre.niks(1)[0]
    assert has_metrics(gateway)
    assert purpose_status(gateway, key, "bansos", nik) == 422
    pid = gateway.pid
    rights = MORE_RIGHTS.replace('"pelayanan", ', '"pelayanan", "bansos", ')
    reload(gateway, PURPOSES + rights)
    assert purpose_status(gateway, key, "bansos", nik) == 200
    assert not has_metrics(gateway)
    other = gateway.add_client("other", right="second")
    assert ask(gateway, other, nik).body["source"] == "centre"
    assert gateway.pid == pid


def test_a_running_question_outlives_a_reload(gateway: GatewayProcess, centre: Centre, key: str) -> None:
    """A question that waits for the centre while the config changes is answered as if nothing had happened."""
    nik = centre.niks(2)[1]
    centre.slow(1.0)
    before = centre.calls
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, gateway, key, nik)
        eventually(lambda: centre.calls > before, 5.0, "the question is at the centre")
        reload(gateway, PURPOSES + RIGHTS)
        answer = waiting.result()
    assert (answer.status, answer.nik, answer.body["source"]) == (200, nik, "centre")


def test_a_bad_config_is_refused_and_the_old_one_stays(gateway: GatewayProcess, centre: Centre, key: str) -> None:
    """A config with two faults is refused by SIGHUP; the log names file, line and key of each.

    Callers notice nothing.
    """
    bad = f"[server]\nport = 0\noperator_port = 0\ndrain = -1\n{HEAD}[centre]\ndeadlin = 3\n{RIGHTS}"
    log = reload(gateway, bad, told="centre.deadlin")
    entries = [json.loads(line) for line in log.splitlines()]
    refused = {entry["key"]: entry for entry in entries if entry["event"] == "gateway.reload.refused"}
    lines = bad.splitlines()
    assert {name: lines[entry["line"] - 1] for name, entry in refused.items()} == {
        "server.drain": "drain = -1",
        "centre.deadlin": "deadlin = 3",
    }
    assert {entry["file"] for entry in refused.values()} == {str(gateway.config_file)}
    assert ask(gateway, key, centre.niks(1)[0]).status == 200
    assert has_metrics(gateway)


def test_a_config_that_lacks_a_secret_is_refused(gateway: GatewayProcess, centre: Centre, key: str) -> None:
    """A new right whose password is nowhere is refused by name, and the old config stays."""
    log = reload(gateway, HEAD + RIGHTS + demo_right("dpmptsp", "third"), told="gateway.reload.refused")
    assert "SIAK_GATEWAY_SECRET_THIRD_PASSWORD" in log
    assert ask(gateway, key, centre.niks(1)[0]).status == 200


def test_what_only_a_restart_can_change_is_told(gateway: GatewayProcess, centre: Centre, key: str) -> None:
    """Another port and another cache lifetime are told to need a restart; the old port stays open."""
    moved = f"[server]\nport = 1\noperator_port = 0\n{HEAD}[centre.cache]\nfresh = 5\n{RIGHTS}"
    log = reload(gateway, moved)
    needed = [json.loads(line) for line in log.splitlines() if "gateway.restart.needed" in line]
    assert {entry["key"] for entry in needed} == {"server.port", "centre.cache"}
    assert ask(gateway, key, centre.niks(1)[0]).status == 200


def test_a_key_revoked_elsewhere_is_refused_within_two_seconds(gateway: GatewayProcess, centre: Centre) -> None:
    """`siak-gateway clients revoke`, run beside the gateway, ends a key within two seconds."""
    nik, names = centre.niks(1)[0], count(1)

    def revoke() -> float:
        name = f"doomed-{next(names)}"
        doomed = gateway.add_client(name)
        assert ask(gateway, doomed, nik).status == 200
        command = [sys.executable, "-m", "gateway", "clients", "revoke", name, "--config", str(gateway.config_file)]
        done = subprocess.run(command, env=gateway.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        refused = partial(ask, gateway, doomed, nik)
        return seconds_of(lambda: eventually(lambda: refused().code == "unauthenticated", 20.0, "the key is refused"))

    quick_once(revoke, REVOKED_WITHIN)
