"""Two instances on PostgreSQL take from one share by turns."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gateway.blobs import rows
from gateway.blobs.blobs import Blob
from gateway.contract.errors import TooManyRequests
from gateway.database.engine import Tuning, make_engine, parse_url
from gateway.database.migrate import migrate
from tests.blobs.world import CALLER, OTHER

if TYPE_CHECKING:
    from gateway.testing.postgres import PostgresServer

pytestmark = pytest.mark.postgres
_WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_a_share_is_not_taken_twice_at_once(postgres_server: PostgresServer) -> None:
    """While one instance has not committed its upload the other waits, then counts it; another caller does not wait."""
    url = postgres_server.new_database()
    migrate(url)
    engine = make_engine(parse_url(url), Tuning(connections=4))

    def begin(caller: str, place: int) -> Blob:
        with engine.begin() as connection:
            return rows.begin(connection, Blob(f"blob{place}", caller, 600), bytes([place]), 1_000, 0.0)

    with ThreadPoolExecutor(1) as pool, engine.connect() as one, engine.connect() as look:
        rows.begin(one, Blob("blob1", CALLER, 600), b"\x01", 1_000, 0.0)
        begin(OTHER, 2)
        rival = pool.submit(begin, CALLER, 3)
        deadline = time.monotonic() + 10.0
        while not rival.done() and look.execute(sa.text(_WAITS)).scalar_one() == 0:
            assert time.monotonic() < deadline
        one.commit()
        with pytest.raises(TooManyRequests):
            rival.result(10.0)
    engine.dispose()
