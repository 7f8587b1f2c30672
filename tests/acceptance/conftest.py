"""The mock centre of a module, as its tests command it, and where its gateways come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.nursery import Nursery
from tests.acceptance.stage import Centre

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.mock_siak import MockProcess


@pytest.fixture(scope="module")
def centre(mock_process: MockProcess) -> Centre:
    """The mock centre shared by the tests of a module; each leaves it as it wants, so each says what it wants."""
    return Centre(mock_process)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where gateways that start fast come from."""
    with Nursery() as running:
        yield running
