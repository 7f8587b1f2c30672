"""Two gateways on one PostgreSQL: their jobs renew the shares of one limit, and a close gives a share back."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from gateway.cli.checkup import examine
from gateway.settings import load
from gateway.wiring.clock import SystemClock
from gateway.wiring.gateway import Gateway

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Settings
    from tests.database.server import Migrated

WITHIN = 20.0


async def _see(gateway: Gateway, instances: int) -> None:
    """Wait until a gateway knows of so many."""
    async with asyncio.timeout(WITHIN):
        while {status.instances for status in gateway.chain.status()} != {instances}:  # noqa: ASYNC110 - the job tells nobody
            await asyncio.sleep(0.01)


async def _live(settings: Settings, environ: dict[str, str]) -> None:
    one = await Gateway.open(settings, environ, SystemClock(), Random(1))
    other = await Gateway.open(settings, environ, SystemClock(), Random(2))
    try:
        for gateway in (one, other):
            await _see(gateway, 2)
        first, second = (gateway.chain.status()[0] for gateway in (one, other))
        assert first.limit_of_all == second.limit_of_all == 16.0
        assert first.limit + second.limit <= 16.0
        told = await asyncio.to_thread(examine, settings, environ)
        assert [found.text[:21] for found in told if found.subject == "instances"] == ["2 share the limit at "]
    finally:
        await other.close()
    await _see(one, 1)
    assert one.chain.status()[0].limit_of_all == one.chain.limiter.limit
    await one.close()


@pytest.mark.postgres
def test_gateways_on_one_database_share_the_limit(tmp_path: Path, migrated: Migrated) -> None:
    """Each knows of the other within seconds, doctor lists both, and the one that stays is alone at once."""
    file = tmp_path / "gateway.toml"
    url = migrated.postgresql()
    file.write_text(f'[database]\nurl = "{url}"\n[centre]\nurl = "http://127.0.0.1:9"\n', encoding="utf-8")
    environ = {"SIAK_GATEWAY_VAR": str(tmp_path / "data")}
    asyncio.run(_live(load(file, environ), environ))
