"""Charts and bars as inline SVG, drawn here so that the page needs no script for them.

A chart is a stack of panels, one per unit, over one axis of seconds. Faults are bands behind all
panels, named in lanes above them. Colours are classes: the page's style sheet gives each a light
and a dark one. Elements carry no `style` attribute, which the page's content policy would refuse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from suites.harness.report.model import SEVERITY, Band, Chart, Series, Verdict
from suites.harness.report.text import one_line

WIDTH = 960
PLOT_LEFT = 64
PLOT_RIGHT = WIDTH - 20
PANEL_HEIGHT = 170
PANEL_GAP = 34
LEGEND_HEIGHT = 24
LANE_HEIGHT = 18
AXIS_HEIGHT = 40
CHAR_WIDTH = 6.8  # of a typical character of the 12 px labels

PANELS_MAX = 6
SERIES_MAX = 16
BANDS_MAX = 200
LANES_MAX = 3
COLOURS = 6

STEPS = (1.0, 2.0, 5.0, 10.0)
PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

Points = Sequence[tuple[float, float]]


def draw_chart(chart: Chart, points_max: int, anchor: str) -> Markup:
    """Draw a chart with axes, ticks, legend and fault bands.

    Args:
        chart: at most `SERIES_MAX` of its series, `PANELS_MAX` of its units and `BANDS_MAX` of
            its bands are drawn.
        points_max: of each series; a longer one keeps the extremes of every stretch.
        anchor: an id that is unique in the page, of letters, digits and hyphens.

    Returns:
        One `<svg>` element.
    """
    series = chart.series[:SERIES_MAX]
    bands = sorted(chart.bands, key=lambda band: (band.start_s, band.end_s))[:BANDS_MAX]
    units = list(dict.fromkeys(line.unit for line in series))[:PANELS_MAX]
    seconds = _seconds_axis(series, bands)
    legend, legend_rows = _draw_legend(series)
    lanes = _lay_lanes(bands, seconds)
    top = legend_rows * LEGEND_HEIGHT + (max(lanes.values(), default=-1) + 1) * LANE_HEIGHT + 30
    bottom = top + max(len(units), 1) * (PANEL_HEIGHT + PANEL_GAP) - PANEL_GAP
    height = bottom + AXIS_HEIGHT
    labels = f'aria-labelledby="{anchor}-title {anchor}-desc"'
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" {labels}>',
        f'<title id="{anchor}-title">{_text(chart.title)}</title>',
        f'<desc id="{anchor}-desc">{_describe(series, bands)}</desc>',
        *legend,
        *_draw_bands(bands, lanes, seconds, legend_rows * LEGEND_HEIGHT, top, bottom),
        *_draw_seconds(seconds, top, bottom),
    ]
    for index, unit in enumerate(units):
        lines = {place: line for place, line in enumerate(series) if line.unit == unit}
        panel_top = top + index * (PANEL_HEIGHT + PANEL_GAP)
        parts += _draw_panel(unit, lines, seconds, panel_top, points_max)
    parts.append("</svg>")
    return Markup("\n".join(parts))  # every text in it went through `escape`


def draw_totals(totals: Mapping[Verdict, int]) -> Markup:
    """Draw the share of each verdict as one bar; decoration, since the numbers stand beside it."""
    count = sum(totals.values())
    parts = [
        '<svg class="totals" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
    ]
    left = 0.0
    for verdict in SEVERITY:
        width = 100 * totals.get(verdict, 0) / count if count else 0.0
        if width:
            parts.append(
                f'<rect class="fill-{verdict.value}" x="{left:.2f}" width="{width:.2f}" height="4"/>'
            )
        left += width
    parts.append("</svg>")
    return Markup("".join(parts))  # it holds numbers and our own words only


@dataclass(frozen=True, slots=True)
class _Axis:
    """A linear scale from values to pixels, with its ticks."""

    low: float
    high: float
    start: float
    end: float
    step: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return [index * self.step for index in range(first, min(last, first + 20) + 1)]


def _seconds_axis(series: Sequence[Series], bands: Sequence[Band]) -> _Axis:
    values = [point[0] for line in series for point in line.points]
    values += [edge for band in bands for edge in (band.start_s, band.end_s)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if not _is_wide(low, high):
        low, high = low - 0.5 * _grain(low), high + 0.5 * _grain(high)
    return _Axis(low, high, PLOT_LEFT, PLOT_RIGHT, _step(high - low, 10))


def _value_axis(lines: Sequence[Series], top: float) -> _Axis:
    values = [point[1] for line in lines for point in line.points]
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    if not _is_wide(low, high):
        high = low + 1
    step = _step(high - low, 4)
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return _Axis(low, high, top + PANEL_HEIGHT, top, step)


def _is_wide(low: float, high: float) -> bool:
    return high - low > 1e-9 * max(abs(low), abs(high)) and high - low > 1e-12


def _grain(value: float) -> float:
    return max(1.0, abs(value) * 1e-6)


def _step(span: float, ticks: int) -> float:
    raw = span / ticks
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in STEPS if step * power >= raw * (1 - 1e-9))


def _draw_panel(
    unit: str, lines: Mapping[int, Series], seconds: _Axis, top: int, points_max: int
) -> list[str]:
    axis = _value_axis(list(lines.values()), top)
    parts = [f'<text class="unit" x="{PLOT_LEFT}" y="{top - 8}">{_text(unit)}</text>']
    for tick in axis.ticks:
        y = axis.at(tick)
        parts.append(
            f'<line class="grid" x1="{PLOT_LEFT}" y1="{y:.1f}" x2="{PLOT_RIGHT}" y2="{y:.1f}"/>'
        )
        parts.append(
            f'<text class="tick" x="{PLOT_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{_number(tick, axis.step)}</text>"
        )
    for place, line in lines.items():
        parts += _draw_line(place, line, seconds, axis, points_max)
    bottom = top + PANEL_HEIGHT
    parts.append(f'<path class="axis" d="M{PLOT_LEFT} {top}V{bottom}H{PLOT_RIGHT}"/>')
    return parts


def _draw_line(place: int, line: Series, seconds: _Axis, axis: _Axis, points_max: int) -> list[str]:
    points = thin(sorted(line.points), points_max)
    style = f"s{place % COLOURS} d{place // COLOURS}"
    dots = [f"{seconds.at(x):.1f},{axis.at(y):.1f}" for x, y in points]
    if len(dots) == 1:
        x, y = dots[0].split(",")
        return [f'<circle class="dot {style}" cx="{x}" cy="{y}" r="3.5"/>']
    return [f'<polyline class="line {style}" points="{" ".join(dots)}"/>'] if dots else []


def thin(points: Points, points_max: int) -> Points:
    """Keep the lowest and the highest point of every stretch, so that no spike is lost.

    Args:
        points: in order of time.
        points_max: how many may stay, at least 2.

    Returns:
        At most `points_max` points, in order of time.
    """
    if len(points) <= points_max:
        return points
    stretches = points_max // 2
    kept: list[tuple[float, float]] = []
    for index in range(stretches):
        first = index * len(points) // stretches
        stretch = points[first : (index + 1) * len(points) // stretches]
        kept += sorted({min(stretch, key=_value), max(stretch, key=_value)})
    return kept


def _value(point: tuple[float, float]) -> float:
    return point[1]


def _draw_seconds(seconds: _Axis, top: int, bottom: int) -> list[str]:
    parts = []
    for tick in seconds.ticks:
        x = seconds.at(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">'
            f"{_number(tick, seconds.step)}</text>"
        )
    middle = (PLOT_LEFT + PLOT_RIGHT) / 2
    parts.append(
        f'<text class="tick" x="{middle}" y="{bottom + 34}" text-anchor="middle">seconds</text>'
    )
    return parts


def _lay_lanes(bands: Sequence[Band], seconds: _Axis) -> dict[int, int]:
    """Give each band whose label fits a lane for it, so that labels never overlap."""
    lanes: dict[int, int] = {}
    ends = [-math.inf] * LANES_MAX
    for index, band in enumerate(bands):
        start = _label_start(band, seconds)
        for lane in range(LANES_MAX):
            if ends[lane] <= start:
                ends[lane] = start + _label_width(band.label) + 12
                lanes[index] = lane
                break
    return lanes


def _label_start(band: Band, seconds: _Axis) -> float:
    room = PLOT_RIGHT - _label_width(band.label)
    return max(PLOT_LEFT, min(seconds.at(band.start_s), room))


def _label_width(label: str) -> float:
    return len(_label(label)) * CHAR_WIDTH


def _label(text: str) -> str:
    return one_line(text, 60)


def _draw_bands(
    bands: Sequence[Band],
    lanes: Mapping[int, int],
    seconds: _Axis,
    lanes_top: int,
    top: int,
    bottom: int,
) -> list[str]:
    parts = []
    for index, band in enumerate(bands):
        left, right = seconds.at(band.start_s), seconds.at(band.end_s)
        parts.append(
            f'<g><title>{escape(_span(band))}</title><rect class="band" x="{left:.1f}" y="{top}" '
            f'width="{max(right - left, 2):.1f}" height="{bottom - top}"/>'
        )
        if index in lanes:
            y = lanes_top + lanes[index] * LANE_HEIGHT + 14
            x = _label_start(band, seconds)
            parts.append(f'<path class="band-edge" d="M{left:.1f} {y + 3}V{bottom}"/>')
            parts.append(
                f'<text class="band-label" x="{x + 4:.1f}" y="{y}">{escape(_label(band.label))}</text>'
            )
        parts.append("</g>")
    return parts


def _draw_legend(series: Sequence[Series]) -> tuple[list[str], int]:
    parts: list[str] = []
    x, row = float(PLOT_LEFT), 0
    for place, line in enumerate(series):
        label = _label(f"{line.name} ({line.unit})" if line.unit else line.name)
        width = len(label) * CHAR_WIDTH + 50
        if x > PLOT_LEFT and x + width > PLOT_RIGHT:
            x, row = float(PLOT_LEFT), row + 1
        y = row * LEGEND_HEIGHT + 12
        style = f"s{place % COLOURS} d{place // COLOURS}"
        parts.append(f'<path class="line {style}" d="M{x:.1f} {y}h24"/>')
        parts.append(f'<text class="legend" x="{x + 30:.1f}" y="{y + 4}">{escape(label)}</text>')
        x += width
    return parts, row + 1


def _describe(series: Sequence[Series], bands: Sequence[Band]) -> Markup:
    sentences = []
    for line in series:
        values = [value for _, value in line.points]
        low, high = min(values, default=0.0), max(values, default=0.0)
        text = f"from {low:g} to {high:g} {line.unit}" if values else "without points"
        sentences.append(f"{line.name}: {text}.")
    sentences += [f"{_span(band)}." for band in bands]
    return escape(one_line(" ".join(sentences), 2_000))


def _span(band: Band) -> str:
    return f"{_label(band.label)}, {band.start_s:.1f} to {band.end_s:.1f} s"


def _number(value: float, step: float) -> str:
    """Write a tick with as many decimals as its step needs and a prefix if it is large."""
    if abs(value) < step / 2:
        return "0"
    for size, prefix in PREFIXES:
        if abs(value) >= 10_000 and abs(value) >= size:
            decimals = min(max(0, math.ceil(math.log10(size / step) - 1e-9)), 9)
            return f"{value / size:.{decimals}f}{prefix}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:.{decimals}f}" if decimals <= 6 else f"{value:.3g}"


def _text(text: str) -> Markup:
    return escape(one_line(text))
