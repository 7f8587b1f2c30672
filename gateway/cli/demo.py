"""`siak-gateway demo` (and `make demo`): the guided story in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gateway.demo.counter import Tally
    from gateway.demo.story import Told

_WIDTH = 30


@click.command(epilog="Example: siak-gateway demo    (the same as: make demo)")
def demo() -> None:
    """Tell the story of an outage with a real gateway and a mock centre; exit 0 only if nothing was lost or doubled."""
    import uvloop  # imports late: --help stays instant

    from gateway.cli.faults import FAILED
    from gateway.demo.story import Story
    from gateway.log import configure

    configure("error")
    told = uvloop.run(Story(click.echo, _progress).tell())
    click.echo(_table(told))
    if told.lost or told.doubled:
        sys.exit(FAILED)


def _progress(text: str, share: float) -> None:
    if not sys.stdout.isatty():
        return
    done = round(share * _WIDTH)
    end = "\n" if share >= 1.0 else ""
    click.echo(f"\r   [{'#' * done}{'.' * (_WIDTH - done)}] {text:<24}{end}", nl=False)


def _table(told: Told) -> str:
    head = (
        f"\n{'':<14}{'asked':>8}{'answered':>10}{'told why':>10}{'queued':>8}{'delivered':>11}{'lost':>6}{'doubled':>9}"
    )
    figures = [_figures(tally) for _name, tally in told.chapters]
    rows = [_row(name, row) for (name, _tally), row in zip(told.chapters, figures, strict=True)]
    return "\n".join([head, *rows, _row("in all", tuple(map(sum, zip(*figures, strict=True))))])


def _figures(tally: Tally) -> tuple[int, ...]:
    lost = tally.lost + tally.undelivered
    return tally.asked, tally.answered, tally.refused, tally.queued, tally.delivered, lost, tally.doubled


def _row(name: str, figures: tuple[int, ...]) -> str:
    asked, answered, refused, queued, delivered, lost, doubled = figures
    return f"{name:<14}{asked:>8}{answered:>10}{refused:>10}{queued:>8}{delivered:>11}{lost:>6}{doubled:>9}"
