"""A reload that fails in a way nobody foresaw."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gateway.wiring.process import _reload
from tests.http.rig import LOOKUP, Rig

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Settings
    from gateway.wiring.gateway import Gateway, Reloaded


class Broken:
    """A gateway whose reload breaks.

    Args:
        gateway: The real one.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.settings = gateway.settings

    async def reload(self, _settings: Settings) -> Reloaded:
        """Break."""
        raise MemoryError


def test_an_unforeseen_failure_is_told_and_the_old_config_stays(tmp_path: Path) -> None:
    """The log says that the reload failed and why; the gateway serves on."""
    with Rig(tmp_path) as rig:
        rig.run(_reload(cast("Gateway", Broken(rig.gateway)), rig.environ))
        (line,) = rig.log("gateway.reload.failed")
        assert line["exception"][0]["type"] == "builtins.MemoryError"
        heard = rig.post(LOOKUP, {"nik": rig.nik(), "purpose": "pelayanan"}, key=rig.add_client("desk"))
        assert heard.status == 200
