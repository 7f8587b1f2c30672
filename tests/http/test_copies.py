"""What a caller and an operator are told of the second copy of a hand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.database.second_copy.assemble import assemble
from tests.http.rig import Rig
from tests.http.test_submissions import hand_in, ktp

if TYPE_CHECKING:
    from pathlib import Path

SOON = 10.0


def test_a_receipt_tells_how_many_copies_hold_it(tmp_path: Path) -> None:
    """Two while the other device is there, one while it is away, two again once it is back; always a 202."""
    folder = tmp_path / "device"
    folder.mkdir()
    config = f'[replica]\npath = "{folder}"\nsame_device = true\npatience = 10\n[plugins]\nenabled = ["metrics"]\n'
    with Rig(tmp_path, config=config) as rig:
        copy = rig.gateway.database.second_copy
        assert copy is not None
        key = rig.add_client("desk")

        def copies(place: int) -> int:
            heard = hand_in(rig, key, ktp(rig, place), f"key-{place}")
            assert heard.status == 202
            return int(heard.json["copies"])

        assert copy.wait_until("in_step", SOON)
        assert copies(0) == 2
        assert b"siak_gateway_copies 2.0" in rig.get("/metrics", operator=True).body
        folder.rename(tmp_path / "unplugged")
        assert copies(1) == 1
        assert b"siak_gateway_copies 1.0" in rig.get("/metrics", operator=True).body
        assert b'"database.copy.lost"' in rig.logged.getvalue()
        (tmp_path / "unplugged").rename(folder)
        assert copy.wait_until("in_step", SOON)
        assert copies(2) == 2
        assert hand_in(rig, key, ktp(rig, 1), "key-1").json["copies"] == 2  # by now the first one is there too
        assert assemble(folder / "gateway.db", tmp_path / "made.db").records > 0
