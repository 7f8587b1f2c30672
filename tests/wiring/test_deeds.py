"""What is handed in and done over HTTP, and by a command beside the running gateway, stands in one ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.flows.deeds import written
from gateway.ledger import audit
from gateway.ledger.exchange import Deed
from gateway.ledger.records import Began, Record
from gateway.settings import load
from gateway.vault.signer import Signer
from gateway.wiring.offline import with_written_outbox
from gateway.wiring.parts import open_keyring, open_ledger_database
from tests.http.rig import VILLAGE, Rig

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.ledger.exchange import DeedRecorder
    from gateway.outbox.outbox import Outbox


def test_hand_ins_and_commands_beside_a_gateway_share_a_ledger(tmp_path: Path) -> None:
    """A hand-in and an operator's act over HTTP stand in the gateway's chain, a command's in its own; all is whole."""
    with Rig(tmp_path, config="[ledger]\nenabled = true\n") as rig:
        rig.behave(mode="refuse")
        key, nik = rig.add_client("desk"), rig.nik()
        body = {"service": "ktp", "version": 1, "village": VILLAGE, "subject": {"nik": nik}, "form": {"nik": nik}}
        heard = rig.post("/v1/submissions", body, {"Idempotency-Key": "one"}, key=key)
        assert heard.status == 202, heard
        id_ = heard.json["id"]

        async def command(_outbox: Outbox, ledger: DeedRecorder | None) -> None:
            async with written(ledger, Deed("hold", "operator:budi", id_)):
                pass

        with_written_outbox(rig.settings(), rig.environ, command)
        told = b'{"operator": "ani", "reason": "waits for a paper"}'
        headers = {"Content-Type": "application/json"}
        assert rig.request("POST", f"/v1/submissions/{id_}/hold", told, headers, operator=True).status == 200
    settings = load(rig.file, rig.environ)
    database = open_ledger_database(settings, rig.environ)
    try:
        records = [msgspec.json.decode(line.record, type=Record) for _, line in audit.export(database)]
        report = audit.verify(database, Signer(open_keyring(settings, rig.environ)).public)
    finally:
        database.close_sync()
    deeds = [one for one in records if isinstance(one, Began)]
    assert {(one.verb, one.target) for one in deeds} == {("submit", id_), ("hold", id_)}
    assert {one.caller for one in deeds if one.verb == "hold"} == {"operator:ani", "operator:budi"}
    assert (report.faults, len(report.chains)) == ((), 2)
    assert nik not in repr(records)
    assert "paper" not in repr(records)
