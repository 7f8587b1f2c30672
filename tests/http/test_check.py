"""`/check/{code}`: for everybody, in plain words, without scripts, and without telling more than a paper's fate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents.documents import PaperState
from gateway.http.network_pace import MINUTE, MOST, NetworkPace, network_of
from gateway.pages import CONTENT_SECURITY
from tests.http.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Heard

JSON = {"Accept": "application/json"}
PER_MINUTE = 200


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that lets one network ask often."""
    config = f"[documents]\nprocesses = 0\nchecks_per_minute = {PER_MINUTE}\n"
    with Rig(tmp_path_factory.mktemp("check"), config=config) as made:
        yield made


def code_of(rig: Rig, state: PaperState, until: float | None = None) -> str:
    """The code of a paper of ours."""
    documents = rig.gateway.paperwork.documents
    code = documents.new_code()
    rig.run(documents.issue(code, "tanda_terima", state, until))
    return code


def told(rig: Rig, code: str) -> Any:
    """What JSON says of a code."""
    return rig.request("GET", f"/check/{code}", None, JSON).json


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PaperState.FINAL, "Asli dan berlaku"),
        (PaperState.PROVISIONAL, "Asli, sementara"),
        (PaperState.REPLACED, "Sudah diganti"),
        (PaperState.VOID, "Tidak berlaku"),
    ],
)
def test_each_fate_is_told_in_both_forms(rig: Rig, state: PaperState, words: str) -> None:
    """Page and JSON tell kind, fate and since when, in Indonesian and English."""
    code = code_of(rig, state)
    answer = told(rig, code)
    assert (answer["genuine"], answer["state"]) == (True, state.value)
    assert answer["title"]["id"] == "Tanda terima pengajuan"
    assert answer["since"]
    page = rig.get(f"/check/{code}")
    assert page.headers["content-type"].startswith("text/html")
    text = page.body.decode()
    assert words in text
    assert answer["label"]["en"] in text
    assert "WIB" in text


def test_what_has_run_out_says_so(rig: Rig) -> None:
    """A paper whose day has passed is expired since then."""
    code = code_of(rig, PaperState.PROVISIONAL, rig.clock.now() + 60)
    assert told(rig, code)["until"]
    rig.clock.ahead = 61
    answer = told(rig, code)
    assert (answer["genuine"], answer["state"]) == (True, "expired")
    rig.clock.ahead = 0


def test_an_unknown_code_is_not_known(rig: Rig) -> None:
    """A code nobody was given and one with a wrong letter get the same answer, and status 200: it is an answer."""
    never = rig.gateway.paperwork.documents.new_code()
    answers = [
        rig.request("GET", f"/check/{code}", None, JSON) for code in (never, "WRONG", "%00", "%F0%9F", "x" * 300)
    ]
    assert {answer.status for answer in answers} == {200}
    assert {answer.body for answer in answers} == {answers[0].body}
    assert answers[0].json["genuine"] is False
    assert "Tidak dikenal" in rig.get(f"/check/{never}").body.decode()


def test_codes_are_read_as_people_spell_them(rig: Rig) -> None:
    """Case, blanks and hyphens do not count, nor O for 0 or I for 1."""
    code = code_of(rig, PaperState.FINAL)
    spelled = code.lower().replace("0", "o").replace("1", "i").replace("-", "%20")
    assert told(rig, spelled)["state"] == "final"
    form = rig.get(f"/check?code={spelled.replace('%20', '+')}")
    assert "Asli dan berlaku" in form.body.decode()


def test_the_page_works_without_scripts_and_loads_nothing_from_elsewhere(rig: Rig) -> None:
    """A form that is sent by GET, the policy of all pages, nothing that is kept or indexed."""
    page = rig.get("/check")
    text = page.body.decode()
    assert '<form method="get" action="/check">' in text
    assert '<label class="govuk-label" for="code">' in text
    assert "http://" not in text
    assert "https://" not in text
    assert page.headers["content-security-policy"] == CONTENT_SECURITY
    assert (page.headers["cache-control"], page.headers["x-robots-tag"]) == ("no-store", "noindex")


def test_the_page_speaks_both_languages(rig: Rig) -> None:
    """What the cookie says stands first; the switch leads back to the paper, or to the form where there is none."""
    code, never = code_of(rig, PaperState.FINAL), rig.gateway.paperwork.documents.new_code()
    for path, back in (
        (f"/check/{code.lower()}", f"/check/{code}"),
        (f"/check/{never}", "/check"),
        ("/check", "/check"),
    ):
        page = rig.request("GET", path, None, {"Cookie": "language=en"}).body.decode()
        assert '<html lang="en"' in page
        assert "Code on the paper</label>" in page
        assert f'name="back" value="{back}"' in page
    assert "Genuine and valid" in rig.request("GET", f"/check/{code}", None, {"Cookie": "language=en"}).body.decode()


def test_what_was_asked_is_never_repeated(rig: Rig) -> None:
    """Markup in a code does not come back: the page shows nothing of what somebody typed."""
    for asked in ("%3Cscript%3Ealert(1)%3C%2Fscript%3E", "3527034101900001"):
        for path in (f"/check/{asked}", f"/check?code={asked}"):
            text = rig.get(path).body.decode()
            assert "alert(1)" not in text
            assert "3527034101900001" not in text


def test_one_network_is_slowed_down(tmp_path: Any) -> None:
    """Beyond its minute's count it gets 429 and when to come back; the form itself is always there."""
    with Rig(tmp_path, config="[documents]\nprocesses = 0\nchecks_per_minute = 3\n") as slow:
        heard: list[Heard] = [slow.get("/check/NONE") for _ in range(4)]
        assert [one.status for one in heard] == [200, 200, 200, 429]
        slow.refused(heard[3], 429, "too_many_requests")
        assert 0 < int(heard[3].headers["retry-after"]) <= 60
        assert slow.get("/check").status == 200


def test_behind_a_trusted_proxy_each_network_has_its_own_pace(tmp_path: Any) -> None:
    """The pace counts for whom the proxy names; what anybody else writes into that field changes nothing."""
    pace = "[documents]\nprocesses = 0\nchecks_per_minute = 1\n"
    asked = [("10.1.0.1", 200), ("10.1.0.2", 429), ("10.2.0.1", 200)]
    for trusted, answers in (('["127.0.0.1", "::1"]', asked), ("[]", [("10.1.0.1", 200), ("10.2.0.1", 429)])):
        folder = tmp_path / ("trusted" if trusted != "[]" else "nobody")
        folder.mkdir()
        with Rig(folder, config=f"[server]\ntrusted_proxies = {trusted}\n{pace}") as rig:
            for client, status in answers:
                heard = rig.request("GET", "/check/NONE", None, {"X-Forwarded-For": client})
                assert heard.status == status, (trusted, client)


def test_networks_are_told_apart() -> None:
    """Neighbours in a /24 or /48 share a count, others do not; what is no address shares one."""
    assert network_of("10.1.2.3") == network_of("10.1.2.250") == network_of("::ffff:10.1.2.9")
    assert network_of("10.1.2.3") != network_of("10.1.3.3")
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:ffff::9")
    assert network_of("2001:db8:2::1") != network_of("2001:db8:1::1")
    assert network_of("unix") == network_of("")


@given(steps=st.lists(st.tuples(st.sampled_from(["10.0.0.1", "10.0.1.1"]), st.floats(0, 30)), max_size=60))
def test_no_network_gets_more_than_its_share(steps: list[tuple[str, float]]) -> None:
    """In no span of a minute that begins with a count does a network get more than it may; a refusal says when."""
    pace, now = NetworkPace(3), 0.0
    granted: dict[str, list[float]] = {}
    for peer, pause in steps:
        now += pause
        wait = pace.offer(peer, now)
        if wait is None:
            granted.setdefault(peer, []).append(now)
        else:
            assert 1 <= wait <= MINUTE
    for times in granted.values():
        assert all(times[place + 6] - times[place] >= MINUTE for place in range(len(times) - 6))


def test_memory_is_bounded() -> None:
    """However many networks ask, so many are remembered; who asks often is not the one forgotten."""
    pace = NetworkPace(1)
    assert pace.offer("10.0.0.1", 0) is None
    for number in range(MOST - 1):
        pace.offer(f"11.{number >> 8}.{number & 255}.1", 0)
    assert pace.offer("10.0.0.1", 0) is not None
    assert len(pace._counts) == MOST
    pace.offer("12.0.0.1", 0)
    assert len(pace._counts) == MOST
