"""What the mock centre tells of its workers' time."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bench.overload.centre import centre
from bench.overload.contenders import wire_target
from bench.overload.scenario import VARIANTS
from bench.overload.target import is_good
from gateway.mock_siak.population import Population
from tests.waiting import eventually


def test_work_is_told_call_by_call() -> None:
    """A call that was answered is heard, one whose caller left is not; both cost the worker its time."""
    scenario = VARIANTS["base"]
    niks = Population(300, 1).active()[:2]
    start = time.monotonic()
    with centre(300) as mocked:
        mocked.begin(scenario)
        target = wire_target(mocked.url)
        place = urlsplit(mocked.url)
        with socket.create_connection((place.hostname or "", place.port or 0)) as leaver:
            leaver.sendall(target.request(niks[0], 3))
        asked = Request(target.url, json.dumps({**target.body, "nik": niks[1]}).encode(), method="POST")
        with urlopen(asked, timeout=10) as answer:
            assert is_good(answer.status, answer.read(), niks[1])
        eventually(lambda: mocked.stats()["served"] >= 2)
        work = {call.person: call for call in mocked.work(start, {nik: n for n, nik in enumerate(niks)})}
        seconds = mocked.stats()["worker_seconds"]
    assert (work[0].heard, work[1].heard) == (False, True)
    assert all(0 <= call.began < call.ended for call in work.values())
    assert seconds["heard"] > 0 < seconds["unheard"]


def test_only_biodata_of_the_right_person_is_good() -> None:
    """Refusals in an HTTP 200, other people's data and errors are no good answers."""
    nik = "3527010101900001"
    assert is_good(200, b'{"content":[{"NIK":3527010101900001,"NAMA_LGKP":"X"}]}', nik)
    assert not is_good(200, b'{"content":[{"NIK":3527010101900002,"NAMA_LGKP":"X"}]}', nik)
    assert not is_good(200, b'{"content":[{"RESPON":"Kuota 3527010101900001"}]}', nik)
    assert not is_good(503, b'{"NIK":3527010101900001,"NAMA_LGKP":"X"}', nik)
