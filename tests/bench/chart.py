"""Charts as SVG: bars for servers beside each other, lines for growth.

Plain shapes and text, black on white, so that they can be read wherever they are shown. Knows:
shapes. Does not know: what is shown.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 720
_ROW = 20
_LABELS = 150
_FIGURES = 60
OURS, THEIRS, BASE = "#1f6feb", "#8c959f", "#d0d7de"
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df")


def _document(height: float, shapes: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}"'
        f' viewBox="0 0 {_WIDTH} {height:.0f}" font-family="sans-serif" font-size="12">'
    )
    return "\n".join((head, '<rect width="100%" height="100%" fill="#fff"/>', *shapes, "</svg>\n"))


def _text(x: float, y: float, said: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(said)}</text>'


def _colour(name: str) -> str:
    if name.startswith("rootward"):
        return OURS
    return BASE if name == "floor" else THEIRS


def bars(groups: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """A block of bars per group, the shortest on top. Each group has a scale of its own."""
    shapes: list[str] = []
    y = 8.0
    for title, values in groups.items():
        y += _ROW
        shapes.append(_text(8, y - 5, f"{title}, {unit}", ' font-weight="bold"'))
        scale = (_WIDTH - _LABELS - _FIGURES) / max(values.values())
        for name, value in sorted(values.items(), key=lambda item: item[1]):
            width = value * scale
            shapes.append(_text(_LABELS - 8, y + 14, name, ' text-anchor="end"'))
            shapes.append(
                f'<rect x="{_LABELS}" y="{y + 3:.1f}" width="{width:.1f}" height="14"'
                f' fill="{_colour(name)}"/>'
            )
            shapes.append(_text(_LABELS + width + 6, y + 14, f"{value:.2f}"))
            y += _ROW
        y += 10
    return _document(y, shapes)


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over an axis that counts in powers of ten."""

    title: str
    axis: str
    unit: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


_PLOT_WIDTH, _PLOT_HEIGHT = 330, 220
_LETTER = 6.5
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_MARGIN_LEFT, _MARGIN_TOP, _MARGIN_BOTTOM = 44, 30, 52


def plots(drawn: Sequence[Plot]) -> str:
    """Two plots in a row."""
    shapes: list[str] = []
    for number, plot in enumerate(drawn):
        left = (number % 2) * (_WIDTH / 2)
        top = number // 2 * (_PLOT_HEIGHT + 10)
        shapes += _plot(plot, left, top)
    return _document(-(-len(drawn) // 2) * (_PLOT_HEIGHT + 10), shapes)


def _plot(plot: Plot, left: float, top: float) -> list[str]:
    points = [point for line in plot.lines.values() for point in line]
    first = math.floor(min(math.log10(x) for x, _ in points))
    last = max(math.ceil(max(math.log10(x) for x, _ in points)), first + 1)
    highest, step = _scale(max(y for _, y in points))
    x0, y0 = left + _MARGIN_LEFT, top + _PLOT_HEIGHT - _MARGIN_BOTTOM
    width = _PLOT_WIDTH - _MARGIN_LEFT
    height = _PLOT_HEIGHT - _MARGIN_TOP - _MARGIN_BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            x0 + (math.log10(x) - first) / (last - first) * width,
            y0 - y / highest * height,
        )

    shapes = [_text(left + 8, top + 16, f"{plot.title}, {plot.unit}", ' font-weight="bold"')]
    for i in range(round(highest / step) + 1):
        _, y = place(10**first, i * step)
        shapes.append(
            f'<line x1="{x0:.1f}" y1="{y:.1f}" x2="{x0 + width:.1f}" y2="{y:.1f}" stroke="#eee"/>'
        )
        shapes.append(_text(x0 - 5, y + 4, f"{i * step:g}", ' text-anchor="end"'))
    for power in range(first, last + 1):
        x, _ = place(10**power, 0)
        shapes.append(_text(x, y0 + 15, _power(power), ' text-anchor="middle"'))
    shapes.append(_text(x0 + width / 2, y0 + 30, plot.axis, ' text-anchor="middle"'))
    legend = x0
    for number, (name, line) in enumerate(plot.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        at = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in line)
        shapes.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="2"/>')
        shapes.append(_text(legend, y0 + 45, f"— {name}", f' fill="{colour}"'))
        legend += _LETTER * (len(name) + 4)
    return shapes


def _scale(highest: float) -> tuple[float, float]:
    """A round number at or above it, and a round step that divides it into two to five."""
    power = 10 ** math.floor(math.log10(highest))
    for top, step in ((1, 0.25), (2, 0.5), (3, 1), (4, 1), (5, 1), (6, 2), (8, 2), (10, 2)):
        if highest <= top * power * 1.0001:
            return top * power, step * power
    raise AssertionError(highest)


def _power(power: int) -> str:
    return f"{10**power:,}" if power < 4 else "10" + str(power).translate(_RAISED)
