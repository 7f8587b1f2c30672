"""Golden cases: every request form and every answer shape of the real service, to the byte; a new case is a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.testing.comparing import cases, compare
from tests.adapters.dukcapil_ws.recorded import EXAMPLES, gateway_says

if TYPE_CHECKING:
    from gateway.testing.comparing import Case
    from tests.adapters.dukcapil_ws.stage import Face

CASES = sorted(cases(EXAMPLES), key=lambda case: case.centre is not None)
"""Those that trouble the centre come last: the breaker remembers trouble for a while."""


def test_mock_and_gateway_answer_the_same_bytes(face: Face) -> None:
    """Put to both in turn, no recorded question is answered differently."""
    found = list(compare(CASES, face.rig.url, face.centre, face.values()))
    assert [one for one in found if one.verdict == "differs"] == []
    assert {one.case for one in found if one.verdict == "left out"} == {one.name for one in CASES if one.centre}
    assert len(found) >= 60


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_gateway_answers_as_recorded(face: Face, case: Case) -> None:
    """Status, media type and bytes are those of the case."""
    assert gateway_says(face, case).compared() == case.answer
