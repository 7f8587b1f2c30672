"""Replies that nobody planned: arbitrary bytes, arbitrary pages, cut and damaged ones."""

from __future__ import annotations

import contextlib
import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.centre.wire import AnotherSubject, fields_of, read_reply
from gateway.centre.wire_refusals import TEXTS
from gateway.contract.errors import CentreMisanswered, GatewayError
from tests.centre_client.far_end import BIODATA, FAMILY, NIK, NO_KK, VERIFY, page

QUESTIONS = {"biodata": BIODATA, "family_card": FAMILY, "verify": VERIFY}
MARKED = ("RESPON", "RESPONSE_CODE", "RESPONSE_DESC", "RESPONSE", "NIK", "NO_KK", "NAMA_LGKP")
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([*TEXTS, *TEXTS.values(), NIK, int(NIK), NO_KK, "Sesuai"])
)
RECORDS = st.dictionaries(st.sampled_from(MARKED) | st.text(max_size=5), VALUES, max_size=6)
PAGES = st.fixed_dictionaries(
    {"content": st.lists(RECORDS, max_size=3) | RECORDS | VALUES}, optional={"quotaLimiter": VALUES}
).map(msgspec.json.encode)


@settings(max_examples=300, deadline=None)
@given(
    body=st.binary(max_size=200) | PAGES,
    status=st.sampled_from([200, 200, 200, 204, 500, 503]),
    content_type=st.sampled_from(["application/json", "text/html", ""]),
    name=st.sampled_from(sorted(QUESTIONS)),
)
def test_no_reply_raises_anything_but_our_errors(body: bytes, status: int, content_type: str, name: str) -> None:
    """Arbitrary bytes and arbitrary pages give a reply kept to the byte, or an error of the contract."""
    with contextlib.suppress(GatewayError):
        reply = read_reply(QUESTIONS[name], status, content_type, body)
        assert reply.raw == body
        assert fields_of(body)


def test_a_cut_reply_is_never_an_answer() -> None:
    """Every proper prefix of a good reply is refused."""
    body = page({"NIK": int(NIK), "NAMA_LGKP": "SITI"}, quotaLimiter=7)
    for length in range(len(body)):
        with pytest.raises(CentreMisanswered):
            read_reply(BIODATA, 200, "", body[:length])


def test_a_reply_with_one_digit_changed_is_never_an_answer() -> None:
    """Whatever byte stands in place of one digit of the NIK, the reply is refused as unreadable or another's."""
    body = page({"NIK": int(NIK)})
    start = body.index(NIK.encode())
    for position, byte in itertools.product(range(start, start + 16), range(256)):
        damaged = body[:position] + bytes((byte,)) + body[position + 1 :]
        if damaged != body:
            with pytest.raises((AnotherSubject, CentreMisanswered)):
                read_reply(BIODATA, 200, "", damaged)
