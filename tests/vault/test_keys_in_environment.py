"""Which variables of an environment are the gateway's own keys."""

from __future__ import annotations

import pytest

from gateway.vault.keys import Keyring


@pytest.mark.parametrize(
    ("variable", "ours"),
    [
        ("SIAK_GATEWAY_SECRET_MASTER_1", True),
        ("SIAK_GATEWAY_SECRET_MASTER_12_FILE", True),
        ("SIAK_GATEWAY_SECRET_MASTER_DESA_PASSWORD", False),
        ("SIAK_GATEWAY_SECRET_MASTER_1_PASSWORD_FILE", False),
        ("SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD", False),
        ("MASTER_1", False),
    ],
)
def test_a_rights_password_is_never_taken_for_a_master(variable: str, *, ours: bool) -> None:
    """Only a numbered master says that the keys come from the environment, whatever a right is called."""
    assert Keyring.is_in({variable: "x"}) is ours
