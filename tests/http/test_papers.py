"""`/v1/papers`, and that what it shows is what a hand-in needs: the nation's papers and a region's own by config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.http.papers import PATH
from gateway.testing.processes import demo_rights
from tests.http.rig import VILLAGE, Rig

if TYPE_CHECKING:
    from pathlib import Path

OWN = """
[server]
port = 0
operator_port = 0
[requirements.photo]
region = "35.27"
service = "kia"
paper = "photo"
any_of = ["photo"]
since = "2020-01-01"
source = "Perbup 5/2020"
"""


def papers(rig: Rig, key: str, query: str = "") -> dict[str, Any]:
    """What each service needs."""
    answer = rig.get(f"{PATH}{query}", key=key).json
    return {one["service"]: one["papers"] for one in answer["services"]}


def test_a_regions_own_papers_are_shown_and_needed(tmp_path: Path) -> None:
    """In the region's villages only; what is wrong in a query never passes for nothing to bring."""
    with Rig(tmp_path, config=OWN, rights=demo_rights()) as rig:
        key = rig.add_client("desk")
        (photo,) = papers(rig, key, f"?service=kia&village={VILLAGE}")["kia"]
        assert photo == {
            "name": "photo",
            "any_of": [{"kind": "photo", "title": {"id": "Pas foto", "en": "photograph"}}],
            "number": None,
            "since": "2020-01-01",
            "until": None,
            "source": "Perbup 5/2020",
        }
        nation = papers(rig, key)
        assert len(nation) == 21
        assert nation["kia"] == []
        assert [one["name"] for one in nation["birth"]] == ["birth", "parents_marriage", "family_card"]
        problem = rig.refused(rig.get(f"{PATH}?service=wedding&village=9999999999&day=x", key=key), 422, "invalid")
        assert {fault["field"] for fault in problem["errors"]} == {"query:", "query:service", "query:village"}
        nik = rig.nik()
        body = {"service": "kia", "version": 1, "village": VILLAGE, "subject": {"nik": nik}, "form": {"nik": nik}}
        refused = rig.refused(rig.post("/v1/submissions", body, {"Idempotency-Key": "one"}, key=key), 422, "invalid")
        assert "missing_attachment" in {fault["code"] for fault in refused["errors"]}
