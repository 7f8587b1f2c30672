"""Small line charts as SVG: values over time, one line for each contender."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, MARGIN = 760, 260, 44
"""Pixels of the picture and of the space around the plot."""

COLOURS = ("#1b6ca8", "#c8553d", "#3c8d40", "#7d5ba6", "#b8860b")
"""Of the lines, in order."""


def line_chart(title: str, lines: Mapping[str, Sequence[float]], marks: Sequence[tuple[float, str]] = ()) -> str:
    """A chart of values a second apart.

    Args:
        title: Above it.
        lines: Values by name.
        marks: Seconds at which something begins, and what.
    """
    longest = max((len(values) for values in lines.values()), default=1)
    top = max((max(values, default=0.0) for values in lines.values()), default=1.0) or 1.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        f' font-family="sans-serif" font-size="11"><title>{escape(title)}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="18" font-size="14">{escape(title)}</text>',
    ]
    parts += [_level(share, top) for share in (0.0, 0.5, 1.0)]
    parts += [_mark(_x(at, longest), name) for at, name in marks]
    for number, (name, values) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{_x(at, longest):.1f},{_y(value, top):.1f}" for at, value in enumerate(values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{WIDTH - 150}" y="{18 + 13 * number}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _x(at: float, longest: int) -> float:
    return MARGIN + at * (WIDTH - 2 * MARGIN) / max(1, longest - 1)


def _y(value: float, top: float) -> float:
    return HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN)


def _level(share: float, top: float) -> str:
    y = _y(share * top, top)
    return (
        f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        f'<text x="6" y="{y + 4:.1f}">{share * top:.2g}</text>'
    )


def _mark(x: float, name: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" stroke="#bbb" stroke-dasharray="3 3"/>'
        f'<text x="{x + 3:.1f}" y="{HEIGHT - MARGIN + 14}">{escape(name)}</text>'
    )
