"""Every mode and kind of fault of the centre: what was answered before is answered again to the byte, else refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from adapters.dukcapil_ws.wording import AWAY, AWAY_TEXT, MISLEADING, QUOTA, TEXTS, page
from gateway.mock_siak.behaviour import FaultKind
from tests.adapters.dukcapil_ws.stage import ACCOUNTS, Face

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Heard

PATIENT = "waits = 0.5\n"
PROGRAMS = {"uji_beban": PATIENT, "dinkes_serang": PATIENT, "dpmptsp": f'{PATIENT}refusal = "http_503"\n'}
QUICK = (
    "[centre.cache]\npatience = 0.2\n[centre.retry]\nattempts = 1\n[centre.breaker]\nminimum = 1000\nin_a_row = 1000\n"
)
MODES = ("refuse", "down", "hang", "maintenance")
FAULTS = sorted(
    {kind.value for kind in FaultKind} - {"quota_exhausted", "duplicate_ack", "altered_paper", "longer_paper"}
)
DAY = 86_400.0


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    """A gateway that has answers of yesterday, past their freshness."""
    with Face.rig_of(tmp_path_factory.mktemp("away"), PROGRAMS, QUICK) as rig:
        face = Face(rig, PROGRAMS)
        for name in PROGRAMS:
            assert remembered(face, name).status == 200
        rig.clock.ahead += DAY
        yield face


def remembered(face: Face, name: str) -> Heard:
    """The gateway's answer about somebody it was asked about before."""
    return face.post(face.rig.url, name, face.call(name, face.rig.nik()))


def truth(face: Face, name: str) -> bytes:
    """What the centre says of that person, when it says anything."""
    return face.post(face.centre, name, face.call(name, face.rig.nik())).body


def strike(face: Face, trouble: str) -> None:
    """Bring a mode about, or a kind of fault for every call."""
    if trouble in MODES:
        face.rig.behave(mode=trouble)
    else:
        face.rig.behave(faults=[{"kind": trouble, "rate": 1.0, "seconds": 5.0}])


@pytest.mark.parametrize("trouble", [*MODES, *FAULTS])
def test_the_last_known_answer_or_an_honest_refusal(away: Face, trouble: str) -> None:
    """In trouble each program gets its known people as ever, with their age; of others it hears no untruth."""
    known = {name: truth(away, name) for name in PROGRAMS}
    strike(away, trouble)
    try:
        for place, name in enumerate(PROGRAMS):
            heard = remembered(away, name)
            assert (heard.status, heard.body) == (200, known[name])
            assert int(heard.headers["age"]) >= DAY - 1
            nik = away.rig.nik("active", 20 + place + 3 * [*MODES, *FAULTS].index(trouble))
            refused = away.post(away.rig.url, name, away.call(name, nik))
            shape = ACCOUNTS[name].error_shape
            assert refused.body == page(AWAY, AWAY_TEXT, shape, bare=False)
            assert refused.status == (503 if name == "dpmptsp" else 200)
            assert not any(word in json.dumps(refused.json["content"]).casefold() for word in MISLEADING)
            assert int(refused.headers["retry-after"]) >= 1
    finally:
        away.rig.behave()


def test_a_doubled_answer_is_one_answer(away: Face) -> None:
    """An answer that comes twice is taken once, and the next one is not mistaken for it."""
    strike(away, "duplicate_ack")
    try:
        niks = [away.rig.nik("active", 100 + place) for place in range(4)]
        bodies = [away.post(away.rig.url, "uji_beban", away.call("uji_beban", nik)).json for nik in niks]
    finally:
        away.rig.behave()
    answered = [body["content"][0] for body in bodies]
    assert all(one.get("NIK") == int(nik) or AWAY_TEXT in one.values() for one, nik in zip(answered, niks, strict=True))
    assert "NIK" in answered[0]


def test_a_quota_that_is_used_up_is_told_as_such(away: Face) -> None:
    """Known people are answered; of others the program hears that its quota is used up, for that is true."""
    known = truth(away, "uji_beban")
    strike(away, "quota_exhausted")
    try:
        assert remembered(away, "uji_beban").body == known
        call = away.call("uji_beban", away.rig.nik("active", 110))
        refused = away.post(away.rig.url, "uji_beban", call)
    finally:
        away.rig.behave()
    assert (refused.status, refused.body) == (200, page(QUOTA, TEXTS[QUOTA], "response_desc", bare=False))
