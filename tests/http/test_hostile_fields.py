"""What a caller sends to hide a number or to make the gateway write too much."""

from __future__ import annotations

import json

import pytest

from gateway.contract.errors import Invalid
from gateway.http.bodies import BodyReader
from gateway.http.intake import request_id_of
from gateway.http.problems import response_of
from gateway.http.residents import ResidentLookup

BODY = {"nik": "3527012904900001", "purpose": "pelayanan"}


@pytest.mark.parametrize(
    "hidden", ["3527012904900001", "3527-0129-0490-0001", "3527_0129_0490_0001", "case-35.27.01.290490.0001"]
)
def test_a_request_id_cannot_hide_a_population_number(hidden: str) -> None:
    """A NIK is not taken as a correlation id, however its digits are parted; a new id is made."""
    assert request_id_of({"x-request-id": hidden}) != hidden


@pytest.mark.parametrize("plain", ["desk-7.case-1234", "0c9d6f6e-4f0e-4c44-9a53-6f9f1d1f2e3a", "2026-11-21.0042"])
def test_a_plain_request_id_is_kept(plain: str) -> None:
    """Tokens, UUIDs and dated counters are carried as they came."""
    assert request_id_of({"x-request-id": plain}) == plain


def test_equal_faults_are_told_once() -> None:
    """A body of thousands of unknown fields gets a short refusal: their names are not repeated anyway."""
    body = json.dumps({**BODY, "nik": "3527", **{f"field{number}": 1 for number in range(5000)}}).encode()
    with pytest.raises(Invalid) as caught:
        BodyReader(ResidentLookup).read(body)
    assert sorted(fault.code for fault in caught.value.faults) == ["unknown", "wrong_length"]
    assert len(response_of(caught.value, "request-id").body) < 1000
