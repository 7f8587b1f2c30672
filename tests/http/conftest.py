"""One running gateway per module and server engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.http.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway on Granian with a mock centre, shared by a module."""
    with Rig(tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(scope="module")
def key(rig: Rig) -> str:
    """A key of that gateway that may do all its right grants."""
    return rig.add_client("desk", may_skip_cache=True)


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def each_rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway on each server engine in turn."""
    server = f'[server]\nport = 0\noperator_port = 0\nengine = "{request.param}"\n'
    with Rig(tmp_path_factory.mktemp(request.param), config=server) as made:
        yield made


@pytest.fixture(scope="module")
def each_key(each_rig: Rig) -> str:
    """A key of that gateway."""
    return each_rig.add_client("desk")
