"""The PostgreSQL server of a test session; left out where none is installed, which CI does not allow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.testing.postgres import PostgresMissing, PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator


def running_server() -> Iterator[PostgresServer]:
    """Start a server for as long as the generator is held."""
    try:
        server = PostgresServer()
    except PostgresMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL is needed in CI: {missing}")
        pytest.skip(str(missing))
    with server:
        yield server
