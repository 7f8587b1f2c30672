"""Open files: the limit is raised, and callers never take those that the gateway needs."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from gateway.testing.processes import GatewayProcess
from gateway.wiring.files import OPERATOR, OWN, connections_of

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.mock_siak import MockProcess

NOFILE = resource.RLIMIT_NOFILE
FEW = 512


def test_serve_raises_its_limit_to_the_hard_one(tmp_path: Path, mock_process: MockProcess) -> None:
    """Started with a low soft limit, a gateway runs with the hard one, a million where there is none."""
    soft, hard = resource.getrlimit(NOFILE)
    resource.setrlimit(NOFILE, (FEW, hard))
    try:
        gateway = GatewayProcess(tmp_path, mock_process.url).start()
    finally:
        resource.setrlimit(NOFILE, (soft, hard))
    with_limit = resource.prlimit(gateway.pid, NOFILE)
    assert gateway.stop() == 0
    assert with_limit == (1_048_576 if hard == resource.RLIM_INFINITY else hard, hard)


@pytest.mark.parametrize("limit", [128, 256, 1024, 4096, 65_536, 1_048_576])
@pytest.mark.parametrize("centre", [1, 64, 1024, 100_000])
def test_callers_leave_files_for_the_gateway(limit: int, centre: int) -> None:
    """What callers may hold leaves at least what the gateway needs, or half of all where it is not enough."""
    callers = connections_of(limit, centre)
    kept = limit - OPERATOR - callers
    assert callers >= 1
    assert kept >= min(OWN + centre, (limit - OPERATOR) // 2)
