"""`siak-gateway adapters check NAME --against URL`: recorded questions, put to the gateway and to another server.

```
examples/<case>/ ─► values from demo.json (or --values) ─► gateway │ URL ─► same · differs, from which byte · left out
```
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gateway.testing.comparing import Compared

VERDICTS = ("same", "differs", "left out")
"""In the order they are summed up in."""

NEEDED = ("gateway", "ws_accounts", "sample_niks", "sample_no_kks")
"""What a file of values holds; `make run` writes one."""


def compare_with(
    names: Sequence[str],
    against: str,
    values_file: Path | None,
    config_file: Path | None,
    *,
    show: bool,
    as_json: bool,
) -> NoReturn:
    """Print one line per recorded question, a sum, and why some were left out; exit 1 if any answer differs.

    Where the other server is the mock that the gateway asks, it is put into the mode that a question needs, and back.

    Args:
        names: Extensions whose cases are asked.
        against: URL of the other server.
        values_file: What stands for the names in the cases; None takes the trial's `demo.json`.
        config_file: The gateway's config.
        show: Whether differing bytes are printed as they are.
        as_json: Print one list of all cases, once it is over.
    """
    from gateway.cli.faults import read_config

    if not names:
        _stop("--against needs a NAME, such as dukcapil_ws")
    trial = _trial(values_file or read_config(config_file).data_folder / "demo.json")
    found: list[tuple[str, Compared]] = []
    for name in names:
        for one in _compared(name, trial, against, show=show):
            found.append((name, one))
            if not as_json:
                click.echo(f"{one.case:<44} {one.verdict:<9} {one.detail}".rstrip())
    click.echo(json.dumps([{"name": name, **asdict(one)} for name, one in found], indent=2) if as_json else _sum(found))
    verdicts = {one.verdict for _, one in found}
    sys.exit(1 if "differs" in verdicts or "same" not in verdicts else 0)


def _compared(name: str, trial: Mapping[str, Any], against: str, *, show: bool) -> Iterator[Compared]:
    """Each recorded question of an extension, put to both servers."""
    from gateway.testing.comparing import CaseFault, cases, compare, values_of

    try:
        recorded = cases(_examples(name))
    except (CaseFault, OSError, UnicodeDecodeError) as error:
        _stop(f"{name}: {error}")
    if not recorded:
        _stop(f"{name} has no recorded questions (examples/<case>/request.http)")
    is_own_mock = against.rstrip("/") == str(trial.get("mock", "")).rstrip("/")
    control = str(trial.get("mock_control", "")) if is_own_mock else ""
    try:
        yield from compare(
            recorded, trial["gateway"], against, values_of(trial, time.time()), show=show, control=control
        )
    except OSError as error:
        _stop(f"the mock's control port {control} does not answer: {type(error).__name__}")


def _sum(found: Sequence[tuple[str, Compared]]) -> str:
    """How many of each verdict, and for what reasons some were left out."""
    verdicts = Counter(str(one.verdict) for _, one in found)
    reasons = Counter(one.detail for _, one in found if one.verdict == "left out")
    lines = [", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)]
    lines += [f"  left out {count}: {reason}" for reason, count in reasons.most_common()]
    return "\n".join(lines)


def _trial(file: Path) -> dict[str, Any]:
    try:
        trial: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError):
        _stop(f"{file} cannot be read; start `siak-gateway run`, or name a file like its demo.json with --values")
    missing = [key for key in NEEDED if key not in trial]
    if missing:
        _stop(f"{file} holds no {', '.join(missing)}")
    return trial


def _examples(name: str) -> Path:
    from gateway.registry.finding import found
    from gateway.registry.manifest import folder_of

    point = found().get(name)
    folder = folder_of(point) if point is not None else None
    if folder is None or not (folder / "examples").is_dir():
        _stop(f"no extension {name} with examples is installed")
    return folder / "examples"


def _stop(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(1)
