"""One gateway with the drop-in face per module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.adapters.dukcapil_ws.stage import Face

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    """A gateway whose programs are accounts of the mock beside it."""
    with Face.rig_of(tmp_path_factory.mktemp("face")) as rig:
        yield Face(rig)
