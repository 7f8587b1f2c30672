"""Whoever got an answer stands in the ledger, though the gateway was killed the moment it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.database import Database
from gateway.ledger import audit
from gateway.ledger.leftover import journal_file, settle
from gateway.ledger.records import Began, Exchanged, Record
from gateway.testing.processes import GatewayProcess
from gateway.vault.keys import Keyring
from gateway.vault.signer import Signer
from tests.acceptance.stage import LOOKUP, PURPOSE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.stage import Centre

ASKED = 12


def test_a_kill_takes_no_answer_out_of_the_ledger(centre: Centre, tmp_path: Path) -> None:
    """The last half second is in the journal; a torn end of it hides nothing, and the next start goes on."""
    gateway = GatewayProcess(tmp_path, centre.url, config="[ledger]\nenabled = true\n")
    key = gateway.add_client("desk")
    nik = centre.niks(1)[0]
    with gateway:
        for _ in range(ASKED):
            status, _, _ = gateway.post(LOOKUP, {"nik": nik, "purpose": PURPOSE}, key=key)
            assert status == 200
        gateway.kill()
    database = Database.open(f"sqlite:///{gateway.data}/ledger.db")
    with journal_file(database).open("r+b") as file:  # what a power cut might add behind the last whole page
        content = file.read()
        file.seek(len(content.rstrip(b"\0")) + 1)
        file.write(b"\x00\x00\x04\x00torn")
    assert settle(database, Signer(Keyring.load(gateway.data / "secrets"))) > 0
    records = [msgspec.json.decode(line.record, type=Record) for _, line in audit.export(database)]
    shown = sum(isinstance(one, (Began, Exchanged)) for one in records)
    assert shown == ASKED
    database.close_sync()
    with gateway:
        assert gateway.post(LOOKUP, {"nik": nik, "purpose": PURPOSE}, key=key)[0] == 200
