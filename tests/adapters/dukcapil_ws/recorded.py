"""Records the answers of new example cases: `python -m tests.adapters.dukcapil_ws.recorded`.

The truth is the mock's, except where a case needs the centre to fail: there it is what the gateway says.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.mock_siak import parse_behaviour
from gateway.testing.comparing import cases
from tests.adapters.dukcapil_ws.stage import Face

if TYPE_CHECKING:
    from gateway.testing.comparing import Case, Told

EXAMPLES = Path(__file__).parents[3] / "adapters" / "dukcapil_ws" / "examples"


def gateway_says(face: Face, case: Case) -> Told:
    """The gateway's answer, with the centre as the case wants it."""
    if case.centre is None:
        return case.ask(face.rig.url, face.values())
    face.rig.run(face.rig.mock.set_behaviour(parse_behaviour(dict(case.centre))))
    try:
        return case.ask(face.rig.url, face.values())
    finally:
        face.rig.behave()


def main() -> None:
    """Record what is missing."""
    with tempfile.TemporaryDirectory() as name, Face.rig_of(Path(name)) as rig:
        face = Face(rig)
        for case in cases(EXAMPLES):
            if case.answer is None:
                told = gateway_says(face, case) if case.centre is not None else case.ask(face.centre, face.values())
                (EXAMPLES / case.name / "answer.http").write_bytes(told.recorded())
                sys.stdout.write(f"{case.name}: {told.status}, {len(told.body)} bytes\n")


if __name__ == "__main__":
    main()
