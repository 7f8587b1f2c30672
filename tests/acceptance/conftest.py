"""The mock centre of a module, as its tests command it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.stage import Centre

if TYPE_CHECKING:
    from gateway.mock_siak import MockProcess


@pytest.fixture(scope="module")
def centre(mock_process: MockProcess) -> Centre:
    """The mock centre shared by the tests of a module; each leaves it as it wants, so each says what it wants."""
    return Centre(mock_process)
