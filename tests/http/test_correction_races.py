"""Corrections that race the dispatcher, over HTTP: the centre has what the caller was told it has, never half of it."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from gateway.http.submissions import PATH
from gateway.testing.processes import demo_rights
from tests.http.rig import JSON, VILLAGE, Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Heard

WITHIN = 20.0
RACES = 16
"""Submissions of a round, each of which is corrected while the dispatcher takes them in some order."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway before a quick centre."""
    with Rig(tmp_path_factory.mktemp("races"), rights=demo_rights()) as made:
        made.behave(office_seconds=3600.0, mode="up", workers=2, mean_seconds=0.002)
        yield made


def body(rig: Rig, place: int, name: str) -> dict[str, Any]:
    """A request for an identity card; name and village say which version of it this is."""
    nik = rig.nik(place=place)
    form = {"nik": nik, "name": name, "no_kk": rig.no_kk(place)}
    return {"service": "ktp", "version": 1, "village": VILLAGE, "subject": {"nik": nik}, "form": form}


def corrected(rig: Rig, key: str, id_: str, place: int) -> Heard:
    """A correction of all that may change."""
    better = body(rig, place, "BENAR")
    better["form"] |= {"no_kk": rig.no_kk(place + 100)}
    return rig.request("PUT", f"{PATH}/{id_}", json.dumps(better).encode(), JSON, key=key)


def held(rig: Rig, id_: str) -> dict[str, Any]:
    """The form the centre has under a reference, once it has one."""
    deadline = time.monotonic() + WITHIN
    while (case := rig.run(_find(rig, id_))) is None:
        assert time.monotonic() < deadline
    form: dict[str, Any] = case.form
    return form


async def _find(rig: Rig, id_: str) -> Any:
    return rig.mock.book.find(id_)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_correction_is_what_the_centre_got_or_it_was_refused(rig: Rig, seed: int) -> None:
    """Each PUT beside a dispatch is 200 and the centre has all of it, or 409 and the centre has all of the first."""
    rng = random.Random(seed)
    outbox, key = rig.gateway.handing_in.outbox, rig.add_client(f"race-{seed}")
    rig.run(outbox.switch("service", "ktp", "hold", "operator:ani"))
    places = [(seed - 1) * RACES + number for number in range(RACES)]
    ids = {}
    for place in places:
        heard = rig.post(PATH, body(rig, place, "SALAH"), {"Idempotency-Key": f"{seed}-{place}"}, key=key)
        assert heard.status == 202, heard
        ids[place] = str(heard.json["id"])
    rng.shuffle(places)
    first, raced = places[0], places[1:]
    assert corrected(rig, key, ids[first], first).status == 200, "while it is held there is no race"
    with ThreadPoolExecutor(4) as threads:
        going = [threads.submit(corrected, rig, key, ids[place], place) for place in raced[: RACES // 4]]
        rig.run(outbox.switch("service", "ktp", None, "operator:ani"))
        rig.run(_wake(rig))
        going += [threads.submit(corrected, rig, key, ids[place], place) for place in raced[RACES // 4 :]]
        said = {place: one.result() for place, one in zip(raced, going, strict=True)}
    assert held(rig, ids[first])["name"] == "BENAR"
    for place, heard in said.items():
        got = held(rig, ids[place])
        assert heard.status in {200, 409}, heard
        better = heard.status == 200
        assert got["name"] == ("BENAR" if better else "SALAH"), (seed, place)
        assert got["no_kk"] == rig.no_kk(place + 100 if better else place), (seed, place)
        reasons = [move["reason"] for move in rig.get(f"{PATH}/{ids[place]}", key=key).json["moves"]]
        assert reasons.count("corrected") == int(better)
        if not better:
            rig.refused(heard, 409, "conflict")


async def _wake(rig: Rig) -> None:
    rig.gateway.handing_in.dispatcher.wake()
