"""What an extension's host gives it, and what a gateway makes of what an extension gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Raw

from gateway.contract.errors import Denied, Unauthenticated
from gateway.contract.events import CircuitState
from gateway.contract.host import Asking
from gateway.contract.messages import Caller, CentreService, Question
from gateway.contract.submissions import Subject, Submission
from gateway.wiring.host import ExtensionHost, Services
from tests.http.rig import JSON, LOOKUP, VILLAGE, Rig
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.contract.events import CentreEvent

ENABLED = """
[server]
port = 0
operator_port = 0
[follow]
every = 0.05
[plugins]
enabled = ["sample_plugin"]
[adapters]
enabled = ["sample_adapter"]
"""


@pytest.fixture
def rig(installed: None, tmp_path: Path) -> Iterator[Rig]:
    """A gateway with the sample adapter and plugin."""
    del installed
    with Rig(tmp_path, config=ENABLED) as made:
        made.behave(office_seconds=3600.0)
        yield made


def member(rig: Rig, name: str) -> Any:
    """The instance of an extension that is running."""
    return next(one.extension for one in rig.gateway.generation.registry.members if one.name == name)


def test_an_adapter_stands_under_its_own_mount(rig: Rig) -> None:
    """Its routes are under `/apps/<name>`, an absolute one where it says, an operator's on that listener only."""
    key = rig.add_client("app", adapter="sample_adapter")
    assert rig.get("/apps/sample_adapter/hello", key=key).json == {"caller": "app"}
    assert rig.get("/old/7").json == {"place": "7"}
    rig.refused(rig.get("/hello", key=key), 404, "not_found")
    rig.refused(rig.get("/apps/sample_adapter/desk", key=key), 404, "not_found")
    assert rig.get("/apps/sample_adapter/desk", operator=True).json == {"caller": None}
    theirs = rig.get("/openapi/sample_adapter.json").json["paths"]
    assert "/apps/sample_adapter/hello" in theirs
    assert not {"/apps/sample_adapter/desk", "/v1/services"} & set(theirs)
    assert "/apps/sample_adapter/hello" not in rig.document["paths"]


def test_a_known_key_ends_with_its_caller(rig: Rig) -> None:
    """Who acts under a key of its own learns of a revocation at once, and of a wrong key when it asks."""
    own = member(rig, "sample_adapter").host.known_key(rig.add_client("acting", adapter="sample_adapter"))
    assert [own.caller().name for _ in range(2)] == ["acting"] * 2
    rig.add_client("other")
    assert own.caller().name == "acting"
    rig.run(rig.gateway.callers.revoke("acting"))
    for key in (own, member(rig, "sample_adapter").host.known_key("sgw_none")):
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                key.caller()


def test_a_key_is_for_one_adapter_or_for_the_native_api(rig: Rig) -> None:
    """Neither a native key nor that of another adapter opens an adapter's route, nor an adapter's a native one."""
    own = rig.add_client("own", adapter="sample_adapter")
    for other in (rig.add_client("native"), rig.add_client("other", adapter="ektp")):
        rig.refused(rig.get("/apps/sample_adapter/hello", key=other), 403, "denied")
    rig.refused(rig.post(LOOKUP, {"nik": rig.nik(), "purpose": "pelayanan"}, key=own), 403, "denied")


def test_an_adapter_asks_through_its_host(rig: Rig) -> None:
    """The host finds the caller, its right and the answer; observers see which adapter it came through."""
    key = rig.add_client("app", adapter="sample_adapter", fields=["NIK"])
    heard = rig.post("/apps/sample_adapter/ask", {"nik": rig.nik()}, key=key)
    assert (heard.status, heard.headers["x-right"]) == (200, "sampang")
    assert list(heard.json["content"][0]) == ["NIK"]
    record = member(rig, "sample_plugin").records[-1]
    assert (record.adapter, record.outcome, record.request_id) == (
        "sample_adapter", "answered", heard.headers["x-request-id"],
    )  # fmt: skip


def test_an_adapter_hands_in_and_tracks_through_its_host(rig: Rig) -> None:
    """What it hands in carries its name, is its own callers' only, reaches the centre, and observers see each move."""
    adapter, plugin = member(rig, "sample_adapter"), member(rig, "sample_plugin")
    key = rig.add_client("app", adapter="sample_adapter")
    caller = rig.run(adapter.host.authenticate({"authorization": f"Bearer {key}"}))
    form = Raw(b'{"nik":"%s"}' % rig.nik().encode())
    new = Submission("ktp", 1, VILLAGE, Subject(nik=rig.nik()), form)
    receipt = rig.run(adapter.host.submit(caller, new, "k-1"))
    reviewed = rig.run(adapter.host.submit(caller, new, "k-2", in_review=True))
    assert (receipt.state, reviewed.state) == ("queued", "in_review")

    def told() -> list[tuple[str, str]]:
        return [(one.adapter, one.move.after) for one in plugin.submissions if one.id == receipt.id]

    eventually(lambda: told()[-1:] == [("sample_adapter", "delivered")])
    assert told()[0] == ("sample_adapter", "queued")
    standing = rig.run(adapter.host.track(caller, receipt.id))
    assert [move.after for move in standing.moves] == ["queued", "sending", "delivered"]
    assert rig.run(adapter.host.waiting()) == ()
    native = Caller("x", "x", right="sampang")
    with pytest.raises(Denied, match="another adapter"):
        rig.run(adapter.host.submit(native, new, "k-3"))
    with pytest.raises(Denied, match="another adapter"):
        rig.run(adapter.host.track(native, receipt.id))


def test_an_adapters_fault_is_its_own(rig: Rig) -> None:
    """Its error is a 500 with a support id that names it in the log; everything else goes on."""
    problem = rig.refused(rig.get("/apps/sample_adapter/fail"), 500, "internal")
    (line,) = rig.log("http.request.failed")
    assert (line["extension"], line["request_id"]) == ("sample_adapter", problem["request_id"])
    assert rig.get("/old/7").status == 200


def test_jobs_run_while_the_extension_is_open(rig: Rig) -> None:
    """Jobs of the hook and those added later run, under a name that ends with the generation."""
    adapter = member(rig, "sample_adapter")
    rig.run(adapter.ticked.wait())
    rig.run(adapter.later.wait())
    owners = {(state.owner, state.job.name) for state in rig.gateway.supervisor.states()}
    assert {("native", "keys"), ("sample_adapter#1", "tick"), ("sample_adapter#1", "later")} <= owners


def test_a_plugin_in_every_role(rig: Rig) -> None:
    """Its authenticator names callers, its policy refuses and adds headers, its observer is told."""
    plugin = member(rig, "sample_plugin")
    body = {"nik": rig.nik(), "purpose": "pelayanan"}
    heard = rig.post(LOOKUP, body, {"X-Desk": "loket"})
    assert (heard.status, heard.headers["x-greeting"]) == (200, "halo")
    problem = rig.refused(rig.post(LOOKUP, {**body, "purpose": "statistik"}, {"X-Desk": "loket"}), 403, "denied")
    assert problem["detail"] == "No statistics today."
    assert [(record.caller, record.outcome) for record in plugin.records] == [
        ("desk-loket", "answered"), ("desk-loket", "denied"),
    ]  # fmt: skip
    rig.refused(rig.post(LOOKUP, body), 401, "unauthenticated")
    wrong = {"X-Desk": "loket", "Authorization": "Bearer sgw_0000000000_00000000000000000000000000"}
    rig.refused(rig.request("POST", LOOKUP, b"{}", {**JSON, **wrong}), 401, "unauthenticated")


def test_readiness_tells_which_extension_is_not_well(rig: Rig) -> None:
    """A failing health check makes the gateway not ready and is named; once well it is ready again."""
    plugin = member(rig, "sample_plugin")
    assert rig.get("/health/ready").json == {
        "status": "ok", "checks": {"database": "ok", "extension:sample_plugin": "ok"},
    }  # fmt: skip
    plugin.well = False
    heard = rig.get("/health/ready")
    assert (heard.status, heard.json["status"]) == (503, "failing")
    assert heard.json["checks"]["extension:sample_plugin"] == "failing"
    told = rig.get("/health/ready", operator=True)
    assert told.json["checks"]["extension:sample_plugin"] == "the desk is closed"
    plugin.well = True
    assert rig.get("/health/ready", operator=True).status == 200


def test_services_tell_of_adapters(rig: Rig) -> None:
    """`/v1/services` lists the centre's services and each adapter that is switched on."""
    listed = rig.get("/v1/services", key=rig.add_client("desk")).json["services"]
    assert [(one["name"], one["kind"], one["health"]) for one in listed] == [
        *((service.value, "centre", "works") for service in CentreService),
        ("sample_adapter", "adapter", "works"),
    ]


def test_observers_are_told_when_a_circuit_moves(rig: Rig) -> None:
    """Failures in a row open the circuit of that service; log, observers and the status page say so."""
    key = rig.add_client("desk")
    rig.behave(office_seconds=3600.0, mode="refuse")
    for place in range(8):
        rig.post(LOOKUP, {"nik": rig.nik(place=place), "purpose": "pelayanan"}, key=key)
    moves = member(rig, "sample_plugin").moves
    assert (moves[0].service, moves[0].before, moves[0].after) == (
        CentreService.BIODATA, CircuitState.CLOSED, CircuitState.OPEN,
    )  # fmt: skip
    assert rig.log("centre.circuit.moved")[0]["service"] == "biodata"
    listed = rig.get("/v1/services", key=key).json["services"]
    assert {one["name"]: one["health"] for one in listed}["biodata"] == "away"
    assert "tidak menjawab" in rig.get("/status").body.decode()


def test_an_extension_that_cannot_open_is_left_out(installed: None, tmp_path: Path) -> None:
    """Its routes are gone, readiness names it, and everything else is served."""
    del installed
    config = '[plugins]\nenabled = ["unopenable", "sample_plugin"]\n'
    with Rig(tmp_path, config=config) as rig:
        rig.refused(rig.get("/v1/never"), 404, "not_found")
        checks = rig.get("/health/ready", operator=True).json["checks"]
        assert checks["extension:unopenable"].startswith("RuntimeError")
        assert checks["extension:sample_plugin"] == "ok"
        body = {"nik": rig.nik(), "purpose": "pelayanan"}
        assert rig.post(LOOKUP, body, key=rig.add_client("desk")).status == 200


def test_a_host_carries_its_extensions_name(rig: Rig) -> None:
    """Name, clock, logger and the state of the centre are there; a key bound elsewhere cannot ask through it."""
    host = member(rig, "sample_adapter").host
    assert host.name == "sample_adapter"
    assert host.clock is rig.clock
    assert {status.service for status in host.centre_status()} == set(CentreService)
    host.log.info("extension.greeted", count=1)
    assert rig.log("extension.greeted")[0]["extension"] == "sample_adapter"
    question = Question(CentreService.BIODATA, rig.nik())
    with pytest.raises(Denied):
        rig.run(host.ask(Caller("id", "name", right="sampang"), question, Asking("pelayanan")))
    assert host.right(Caller("id", "name", right="gone")) is None


def test_an_extension_hears_of_the_centres_events(rig: Rig) -> None:
    """Through the hook and through its host; an observer that fails keeps nobody from hearing, nor a closed one."""
    plugin, adapter = member(rig, "sample_plugin"), member(rig, "sample_adapter")
    heard: list[CentreEvent] = []
    adapter.host.on_event(lambda _event: 1 / 0)
    adapter.host.on_event(heard.append)
    rig.run(_happen(rig))
    eventually(lambda: plugin.events and plugin.events == heard)
    assert (heard[0].kind, heard[0].nik) == ("change", rig.nik(place=7))
    status = rig.run(adapter.host.follow_status())
    assert (status.pending, status.dead) == (0, 0)
    rig.run(adapter.host.aclose())
    rig.gateway.generation.happened(heard[0])
    assert len(heard) == 1
    assert [line["kind"] for line in rig.log("registry.observer.failed")] == ["on_event"]


async def _happen(rig: Rig) -> None:
    rig.mock.office.happen("biodata", {"nik": rig.nik(place=7), "changes": {"job": "PETANI"}})


def test_an_extension_reaches_its_own_secrets_only(rig: Rig) -> None:
    """The variable carries the extension's name; what is missing is told by the variable's name."""
    host = member(rig, "sample_adapter").host
    rig.environ["SIAK_GATEWAY_SECRET_SAMPLE_ADAPTER_DESK_KEY"] = "hush"
    assert host.secret("desk_key") == "hush"
    rig.environ["SIAK_GATEWAY_SECRET_OTHER_KEY"] = "not yours"
    with pytest.raises(LookupError, match="set SIAK_GATEWAY_SECRET_SAMPLE_ADAPTER_OTHER_KEY, or"):
        host.secret("OTHER_KEY")


def test_nobody_is_known_before_the_gateway_is_open(rig: Rig) -> None:
    """A host asked for a caller too early says so, and closing one that opened nothing does nothing."""
    made, database = rig.gateway.generation, rig.gateway.database
    verbs = (made.asker, made.submitter, made.tracker, made.attacher)
    news = rig.gateway.news.status
    shared = Services(
        *verbs, rig.clock, lambda: pytest.fail("no client"), tuple, {}, database, lambda _right: None, news
    )
    host = ExtensionHost("early", None, shared, lambda _job: None)
    with pytest.raises(RuntimeError, match="once the gateway is open"):
        rig.run(host.authenticate({}))
    rig.run(host.aclose())
