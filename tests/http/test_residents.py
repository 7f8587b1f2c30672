"""The native reads over a real socket, from a key to what the centre said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.http.rig import CARD, LOOKUP, VERIFY

if TYPE_CHECKING:
    from tests.http.rig import Rig


def test_an_active_resident_is_shown_with_age_and_source(rig: Rig, key: str) -> None:
    """The first answer is the centre's, the second the cache's; both say when the centre said it."""
    body = {"nik": rig.nik(place=7), "purpose": "pelayanan"}
    first, second = rig.post(LOOKUP, body, key=key), rig.post(LOOKUP, body, key=key)
    assert (first.status, second.status) == (200, 200)
    assert first.json["resident"]["NIK"] == body["nik"]
    assert (first.json["source"], second.json["source"]) == ("centre", "cache")
    assert first.json["as_of"] == second.json["as_of"]
    assert first.json["as_of"].endswith("Z")
    assert second.headers["age"] == str(int(second.json["age_seconds"]))
    assert second.headers["cache-status"].startswith("siak-gateway; hit")
    assert first.headers["cache-control"] == "private, no-store"
    assert first.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("group", ["deceased", "duplicate", "inactive"])
def test_a_fate_is_told_without_biodata(rig: Rig, key: str, group: str) -> None:
    """A deceased, duplicate or inactive resident is a good answer that shows nothing of them."""
    heard = rig.post(LOOKUP, {"nik": rig.nik(group), "purpose": "pelayanan"}, key=key)
    assert (heard.status, heard.json["status"], heard.json["resident"]) == (200, group, None)


def test_a_papuan_number_keeps_its_digits(rig: Rig, key: str) -> None:
    """A NIK beyond 2^53 comes back as text with every digit, and so do the family's numbers."""
    nik = rig.nik("papua")
    shown = rig.post(LOOKUP, {"nik": nik, "purpose": "pelayanan"}, key=key).json["resident"]
    resident = rig.mock.population.resident(int(nik))
    assert resident is not None
    assert int(nik) > 2**53
    assert (shown["NIK"], shown["NO_KK"]) == (nik, str(resident.home.no_kk))
    assert all(value is None or isinstance(value, str) for value in shown.values())


def test_a_stranger_is_not_found(rig: Rig, key: str) -> None:
    """What the centre does not know is 404 and executed, and asked again it is still 404."""
    body = {"nik": rig.mock.population.strangers(1)[0], "purpose": "pelayanan"}
    for _again in range(2):
        problem = rig.refused(rig.post(LOOKUP, body, key=key), 404, "not_found")
        assert (problem["executed"], problem["retryable"], problem["errors"]) == ("yes", False, [])


def test_elements_are_compared_and_never_shown(rig: Rig, key: str) -> None:
    """A verify answers match and score per element; a date goes to the centre in its own form."""
    nik = rig.nik(place=3)
    resident = rig.mock.population.resident(int(nik))
    assert resident is not None
    elements = {"NAMA_LGKP": resident.name, "TGL_LHR": resident.born.isoformat(), "NO_PROP": "99", "AGAMA": "LAIN"}
    heard = rig.post(VERIFY, {"nik": nik, "purpose": "verifikasi", "elements": elements}, key=key)
    assert heard.status == 200
    found = heard.json["elements"]
    assert found["NAMA_LGKP"] == {"match": True, "score": 100}
    assert found["TGL_LHR"] == {"match": True}
    assert found["AGAMA"] == {"match": False}
    assert resident.name.encode() not in heard.body


def test_nothing_to_compare_is_refused(rig: Rig, key: str) -> None:
    """A verify without elements is a wrong field, not a question."""
    problem = rig.refused(
        rig.post(VERIFY, {"nik": rig.nik(), "purpose": "verifikasi", "elements": {}}, key=key), 422, "invalid"
    )
    assert [fault["field"] for fault in problem["errors"]] == ["/elements"]


def test_a_family_card_shows_all_members(rig: Rig, key: str) -> None:
    """Every member of a card is listed, with the card's own number."""
    no_kk = rig.no_kk()
    heard = rig.post(CARD, {"no_kk": no_kk, "purpose": "pelayanan"}, key=key)
    members = heard.json["members"]
    assert len(members) == len(rig.mock.population.family(int(no_kk)))
    assert {member["NO_KK"] for member in members} == {no_kk}


def test_no_cache_is_honoured_where_the_key_allows_it(rig: Rig, key: str) -> None:
    """`Cache-Control: no-cache` asks the centre again for a key that may; for another the cache answers."""
    body = {"nik": rig.nik(place=11), "purpose": "pelayanan"}
    plain = rig.add_client("plain")
    assert rig.post(LOOKUP, body, key=key).json["source"] == "centre"
    again = {"Cache-Control": "no-cache"}
    assert rig.post(LOOKUP, body, again, key=key).json["source"] == "centre"
    assert rig.post(LOOKUP, body, again, key=plain).json["source"] == "cache"


def test_an_away_centre_is_answered_from_the_cache_and_else_refused(rig: Rig, key: str) -> None:
    """While the centre refuses connections a known answer is served and an unknown one is a typed 503."""
    known = {"nik": rig.nik(place=12), "purpose": "pelayanan"}
    assert rig.post(LOOKUP, known, key=key).status == 200
    rig.behave(mode="refuse")
    try:
        again = rig.post(LOOKUP, known, {"Cache-Control": "no-cache"}, key=key)
        assert (again.status, again.json["source"]) == (200, "cache")
        unknown = rig.post(LOOKUP, {"nik": rig.nik(place=13), "purpose": "pelayanan"}, key=key)
        assert unknown.status == 503
        assert rig.refused(unknown, 503, unknown.json["code"])["retryable"] is True
    finally:
        rig.behave(mode="up")
