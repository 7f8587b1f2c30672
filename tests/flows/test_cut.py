"""Cutting fields: what may be shown stays as the centre wrote it, what may not is gone."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue.fields import BIODATA_NAMES
from gateway.contract.errors import CentreMisanswered
from gateway.contract.messages import Answer, CentreService, Fate, Reply
from gateway.flows.cut import ALWAYS, Cutter, records
from gateway.flows.memo import Memo


def answer(raw: bytes, service: CentreService = CentreService.BIODATA, fate: Fate = Fate.ACTIVE) -> Answer:
    """An answer of these bytes."""
    return Answer(Reply(service, raw, fate), 1.0, "centre", 0.0)


PAPUAN = (
    b'{ "content" : [ {"NIK": 9171010101900001,  "NAMA_LGKP":"Ni\\u0027a \\"X\\"", "NO_KAB":1.50e1,"AGAMA":null} ] ,'
    b'"quotaLimiter":5}'
)


def test_bytes_pass_untouched_when_everything_may_be_shown() -> None:
    """If no key has to go, the very object passes: not one byte is encoded anew."""
    whole = answer(PAPUAN)
    assert Cutter().cut(whole, frozenset({"NIK", "NAMA_LGKP", "NO_KAB", "AGAMA", "MORE"})) is whole


def test_what_stays_keeps_its_digits_and_spelling() -> None:
    """Numbers beyond 2^53, decimals and escapes stay as the centre wrote them; the envelope stays too."""
    cut = Cutter().cut(answer(PAPUAN), frozenset({"NIK", "NAMA_LGKP", "NO_KAB"})).reply.raw
    assert b'"NIK":9171010101900001' in cut
    assert b'"Ni\\u0027a \\"X\\""' in cut
    assert b"1.50e1" in cut
    assert b"AGAMA" not in cut
    assert json.loads(cut)["quotaLimiter"] == 5


def test_an_object_stays_an_object() -> None:
    """The older service's `content` is an object, before and after; its own words about the answer stay."""
    raw = b'{"content":{"RESPON":"Data Ditemukan","NIK":"1","AGAMA":"ISLAM"},"x":[1, 2]}'
    cut = Cutter().cut(answer(raw), frozenset({"NIK"})).reply.raw
    assert json.loads(cut) == {"content": {"RESPON": "Data Ditemukan", "NIK": "1"}, "x": [1, 2]}


def test_nothing_granted_leaves_empty_records() -> None:
    """Without any field a record is empty, not absent."""
    raw = b'{"content":[{"NIK":1},{"NIK":2}]}'
    assert json.loads(Cutter().cut(answer(raw), frozenset()).reply.raw) == {"content": [{}, {}]}


@pytest.mark.parametrize(
    ("service", "fate"),
    [
        (CentreService.VERIFY, Fate.ACTIVE),
        (CentreService.BIODATA, Fate.DECEASED),
        (CentreService.VERIFY, Fate.INACTIVE),
    ],
)
def test_what_holds_no_record_is_not_cut(service: CentreService, fate: Fate) -> None:
    """Verdicts, and words about somebody who is not active, hold no field."""
    whole = answer(b'{"content":[{"NAMA_LGKP":"Sesuai (100)"}]}', service, fate)
    assert Cutter().cut(whole, frozenset()) is whole


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"content":"x"}', b'{"content":[1]}', b'{"content":[{}]', b"\xff", b'{"content":null}']
)
def test_a_reply_without_records_is_a_misanswer(raw: bytes) -> None:
    """Bytes in which no record can be found are the centre's fault, never a crash."""
    with pytest.raises(CentreMisanswered):
        Cutter().cut(answer(raw), frozenset())
    with pytest.raises(CentreMisanswered):
        records(raw)


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_values_do_not_end_the_process(depth: int) -> None:
    """A value nested as deep as may be is cut, or is a misanswer."""
    raw = b'{"content":[{"NIK":1,"X":' + b"[" * depth + b"]" * depth + b"}]}"
    try:
        assert json.loads(Cutter().cut(answer(raw), frozenset({"NIK"})).reply.raw) == {"content": [{"NIK": 1}]}
    except CentreMisanswered:
        assert depth > 100


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
found = st.dictionaries(st.sampled_from([*BIODATA_NAMES, *sorted(ALWAYS)]) | st.text(min_size=1), values, max_size=8)
envelopes = st.dictionaries(st.text().filter(lambda name: name != "content"), values, max_size=3)


@given(st.lists(found, max_size=4) | found, envelopes, st.frozensets(st.sampled_from(BIODATA_NAMES)))
def test_only_granted_keys_are_left_and_they_are_unchanged(
    content: Any, envelope: dict[str, Any], fields: frozenset[str]
) -> None:
    """For any reply and any grant: no other key is left, and every value that stays is the same."""
    raw = json.dumps({**envelope, "content": content}).encode()
    shown = json.loads(Cutter().cut(answer(raw), fields).reply.raw)
    keep = fields | ALWAYS

    def wanted(record: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in record.items() if name in keep}

    expected = [wanted(one) for one in content] if isinstance(content, list) else wanted(content)
    assert shown == {**envelope, "content": expected}


def test_a_repeated_answer_is_cut_once() -> None:
    """The same reply under the same grant gives the same object; under another grant it is cut anew."""
    cutter, whole = Cutter(), answer(PAPUAN)
    first, second = cutter.cut(whole, frozenset({"NIK"})), cutter.cut(whole, frozenset({"NIK"}))
    assert first.reply is second.reply
    assert cutter.cut(whole, frozenset({"AGAMA"})).reply.raw != first.reply.raw


def test_a_memo_forgets_the_oldest_and_never_mistakes_one_reply_for_another() -> None:
    """It is bounded, and a reply that took the place of another in memory is a new one."""
    memo: Memo[str] = Memo(size=2)
    made: list[str] = []

    def make(reply: Reply) -> str:
        made.append(reply.raw.decode())
        return reply.raw.decode()

    replies = [Reply(CentreService.BIODATA, raw) for raw in (b"a", b"b", b"c")]
    for reply in (*replies, replies[2], replies[0]):
        assert memo.of(reply, None, make) == reply.raw.decode()
    assert made == ["a", "b", "c", "a"]
    impostor = msgspec.structs.replace(replies[0], raw=b"z")
    memo._known[id(impostor), None] = (replies[0], "a")
    assert memo.of(impostor, None, make) == "z"


def test_a_memo_is_bounded_in_bytes() -> None:
    """Large replies push each other out, and what is made of a very large one is not kept."""
    memo: Memo[int] = Memo(most_bytes=1000)
    made: list[int] = []

    def make(reply: Reply) -> int:
        made.append(len(reply.raw))
        return len(reply.raw)

    replies = [Reply(CentreService.BIODATA, b"x" * 7) for _ in range(80)]
    for reply in (*replies, replies[-1], replies[0]):
        memo.of(reply, None, make)
    assert len(made) == 81
    large = Reply(CentreService.BIODATA, b"x" * 100)
    assert [memo.of(large, None, make) for _ in range(2)] == [100, 100]
    assert made[-2:] == [100, 100]
