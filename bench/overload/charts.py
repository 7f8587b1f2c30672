"""The two charts of a comparison, as SVG without any library: useful work over time, and answers per village."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.overload.scenario import Scenario

WIDTH, HEIGHT = 960, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 230, 64, 52
_STEPS = 10
COLOURS = {
    "direct": "#8c8c8c",
    "nginx": "#c49a6c",
    "haproxy_tuned": "#3b78b5",
    "nginx_tuned": "#2f9e6e",
    "envoy": "#a857b5",
    "gateway": "#d1342f",
}
"""One for each contender; told apart in grey as well, for the gateway's line is thicker."""


class Plot(msgspec.Struct, frozen=True):
    """A field with two axes.

    Attributes:
        title: Above it.
        across: What the horizontal axis means.
        up: What the vertical axis means.
        right: Largest value of the horizontal axis; it begins at 0.
        top: Largest value of the vertical axis; it begins at 0.
    """

    title: str
    across: str
    up: str
    right: float
    top: float

    def x(self, value: float) -> float:
        """Where a value lies from left to right."""
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * value / self.right

    def y(self, value: float) -> float:
        """Where a value lies from top to bottom; values beyond the top are cut."""
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(value, self.top) / self.top

    def frame(self) -> list[str]:
        """Title, axes and grid."""
        base, end = self.y(0), self.x(self.right)
        lines = [
            _text(_LEFT, 26, self.title, size=16, weight="bold"),
            _text((_LEFT + end) / 2, HEIGHT - 12, self.across, anchor="middle"),
            _text(_LEFT, _TOP - 22, self.up),
        ]
        for value in ticks(self.top):
            at = self.y(value)
            lines.append(f'<path d="M{_LEFT} {at:.1f}H{end:.1f}" stroke="#e3e3e3"/>')
            lines.append(_text(_LEFT - 8, at + 4, f"{value:g}", anchor="end"))
        lines += [_text(self.x(value), base + 18, f"{value:g}", anchor="middle") for value in ticks(self.right)]
        return [*lines, f'<path d="M{_LEFT} {base:.1f}H{end:.1f}" stroke="#444"/>']

    def line(self, points: Iterable[tuple[float, float]], name: str) -> str:
        """A contender's line."""
        path = " ".join(f"{self.x(across):.1f},{self.y(up):.1f}" for across, up in points)
        colour, thick = COLOURS.get(name, "#444"), 2.8 if name == "gateway" else 1.5
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>'


def useful_work(scenario: Scenario, shares: Mapping[str, Sequence[float]], titles: Mapping[str, str]) -> str:
    """Useful work over time, second by second, one line for each contender, over the phases."""
    plot = Plot(
        "Useful work of the centre: share of its worker-seconds spent on answers somebody still waited for",
        "seconds",
        "useful work",
        scenario.seconds,
        1.0,
    )
    parts = plot.frame()
    for number, (start, phase) in enumerate(zip(scenario.starts(), scenario.phases, strict=True)):
        left, right = plot.x(start), plot.x(start + phase.seconds)
        if number % 2:
            box = f'x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" height="{plot.y(0) - _TOP:.1f}"'
            parts.insert(0, f'<rect {box} fill="#f4f1ea"/>')
        parts.append(_text((left + right) / 2, _TOP - 6, phase.name, anchor="middle", size=11))
    for name, values in shares.items():
        parts.append(plot.line(((second + 0.5, value) for second, value in enumerate(values)), name))
    return _document([*parts, *_legend(shares, titles)])


def villages(answers: Mapping[str, Sequence[int]], titles: Mapping[str, str], fair: float) -> str:
    """Good answers each village had in the surge, sorted, the hog left out; and what an equal share would be."""
    top = max((max(counts[1:], default=0) for counts in answers.values()), default=0)
    count = max(len(counts) for counts in answers.values()) - 1
    plot = Plot(
        "Answers per village in the surge, the hog left out",
        "villages, fewest answers first",
        "good answers",
        float(count),
        max(1.1 * top, 1.2 * fair, 1.0),
    )
    parts = plot.frame()
    at, end = plot.y(fair), plot.x(plot.right)
    parts.append(f'<path d="M{_LEFT} {at:.1f}H{end:.1f}" stroke="#444" stroke-dasharray="5 4"/>')
    parts.append(_text(_LEFT + 6, at - 6, "an equal share of what the centre can do", size=11))
    for name, counts in answers.items():
        parts.append(plot.line(((place + 0.5, float(value)) for place, value in enumerate(sorted(counts[1:]))), name))
    return _document([*parts, *_legend(answers, titles)])


def ticks(top: float) -> list[float]:
    """Four to ten round steps from 0 to `top`."""
    unit = 10.0 ** (math.floor(math.log10(top)) - 1)
    step = next(factor * unit for factor in (1, 2, 5, 10) if top / (factor * unit) <= _STEPS)
    return [round(step * number, 10) for number in range(int(top / step + 1e-9) + 1)]


def _legend(names: Iterable[str], titles: Mapping[str, str]) -> list[str]:
    parts, left = [], WIDTH - _RIGHT + 18
    for number, name in enumerate(names):
        y = _TOP + 12 + 22 * number
        parts.append(f'<path d="M{left} {y}h22" stroke="{COLOURS.get(name, "#444")}" stroke-width="3"/>')
        parts.append(_text(left + 30, y + 4, titles.get(name, name)))
    return parts


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, weight: str = "normal") -> str:
    style = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _document(parts: Sequence[str]) -> str:
    body = "\n".join([f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *parts])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" fill="#222">\n{body}\n</svg>\n'
    )
