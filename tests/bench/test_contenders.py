"""Every contender that is on this machine passes a question on to the centre and its answer back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from bench.overload.__main__ import chosen
from bench.overload.centre import centre
from bench.overload.contenders import CONTENDERS
from bench.overload.scenario import VARIANTS
from bench.overload.target import is_good
from gateway.mock_siak.population import Population

if TYPE_CHECKING:
    from pathlib import Path

    from bench.overload.contenders import Contender
    from bench.overload.target import Target

AVAILABLE = [contender for contender in CONTENDERS if contender.available()]


def ask(target: Target, nik: str, village: int) -> tuple[int, bytes]:
    """Put a question to a contender just as the load generator does; status and body."""
    head, _, body = target.request(nik, village).partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    with urlopen(Request(target.url, body, fields, method="POST"), timeout=10) as answer:
        return answer.status, answer.read()


@pytest.mark.parametrize("contender", AVAILABLE, ids=[contender.name for contender in AVAILABLE])
def test_a_question_passes(contender: Contender, tmp_path: Path) -> None:
    """From the first village and from the last, a question about somebody is answered with their biodata."""
    scenario = VARIANTS["base"]
    niks = Population(300, 1).active()[:2]
    with centre(300) as mocked, contender.start(tmp_path, mocked.url, scenario) as target:
        for nik, village in zip(niks, (0, scenario.villages - 1), strict=True):
            status, body = ask(target, nik, village)
            assert is_good(status, body, nik)


def test_contenders_are_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order asked for; unknown names are refused; peers that are not installed are left out and named."""
    assert [contender.name for contender in chosen("gateway,direct")] == ["gateway", "direct"]
    assert chosen(None) == AVAILABLE
    told = capsys.readouterr().err
    assert all(contender.title in told for contender in CONTENDERS if contender not in AVAILABLE)
    with pytest.raises(SystemExit, match="unknown: apache"):
        chosen("gateway,apache")
