"""Charts: well-formed, bounded, and showing what the numbers say."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.harness.report import Band, Chart, Series, Verdict
from suites.harness.report.svg import PLOT_LEFT, PLOT_RIGHT, draw_chart, draw_totals, thin
from suites.harness.report.tests.samples import make_chart
from suites.harness.report.tests.trees import find_one, read_number, read_text

Line = tuple[tuple[float, float], ...]

NUMBERS = st.floats(min_value=-1e18, max_value=1e18)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12).map(tuple)


def draw(chart: Chart, points_max: int = 100) -> ET.Element:
    return ET.fromstring(str(draw_chart(chart, points_max, "chart-0")))


def texts(root: ET.Element, kind: str) -> list[str | None]:
    return [item.text for item in root.iter("text") if item.get("class") == kind]


def test_a_chart_has_axes_ticks_a_legend_and_bands() -> None:
    root = draw(make_chart())
    assert texts(root, "legend") == ["acknowledged (msg/s)", "p99 (ms)"]
    assert texts(root, "unit") == ["msg/s", "ms"]
    assert texts(root, "band-label") == ["partition"]
    assert {"0", "5", "10", "500", "1000"} <= set(texts(root, "tick"))
    assert len(list(root.iter("polyline"))) == 2
    assert "partition, 8.0 to 11.0 s" in read_text(root, "desc")
    assert root.get("aria-labelledby") == "chart-0-title chart-0-desc"


def test_points_and_bands_lie_where_the_axis_says() -> None:
    chart = Chart("c", (Series("s", "", ((0, 0), (10, 100))),), (Band(5, 10, "b"),))
    root = draw(chart)
    (x0, y0), (x1, y1) = (
        map(float, dot.split(",")) for dot in str(find_one(root, "polyline").get("points")).split()
    )
    band = find_one(root, "g/rect")
    assert (x0, x1) == (PLOT_LEFT, PLOT_RIGHT)
    assert y0 - y1 == read_number(band, "height")
    assert read_number(band, "x") == (PLOT_LEFT + PLOT_RIGHT) / 2


@pytest.mark.parametrize("points", [(), ((5.0, 5.0),), ((1.0, 7.0), (1.0, 7.0))])
def test_charts_with_hardly_any_points_are_drawn(points: Line) -> None:
    root = draw(Chart("c", (Series("s", "ms", points),)))
    assert len(list(root.iter("polyline"))) + len(list(root.iter("circle"))) == (1 if points else 0)


def test_an_empty_chart_is_drawn() -> None:
    assert "0" in texts(draw(Chart("c", ())), "tick")


def test_labels_of_bands_that_overlap_take_lanes_and_the_rest_keep_their_tooltip() -> None:
    bands = tuple(Band(1, 2, f"fault number {index}") for index in range(5))
    root = draw(Chart("c", (), bands))
    heights = [item.get("y") for item in root.iter("text") if item.get("class") == "band-label"]
    assert len(heights) == len(set(heights)) == 3
    assert len(root.findall("g/title")) == 5


def test_large_numbers_get_a_prefix() -> None:
    root = draw(Chart("c", (Series("s", "msg/s", ((0, 0), (1, 48_000))),)))
    assert "50k" not in texts(root, "tick")
    assert {"0", "20k", "40k", "60k"} <= set(texts(root, "tick"))


@given(st.lists(POINTS, max_size=3), st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4))
def test_any_chart_is_finite_well_formed_svg(
    lines: list[Line], edges: list[tuple[float, float]]
) -> None:
    series = tuple(Series(f"s{index}", f"u{index}", line) for index, line in enumerate(lines))
    bands = tuple(Band(min(edge), max(edge), "band") for edge in edges)
    root = draw(Chart("c", series, bands))
    numbers = [
        value
        for item in root.iter()
        for name, value in item.attrib.items()
        if name in {"x", "y", "x1", "x2", "y1", "y2", "width", "height", "points"}
    ]
    assert not any("nan" in number or "inf" in number for number in numbers)
    assert len(list(root.iter("text"))) < 120


def test_thinning_keeps_the_spikes_and_the_order() -> None:
    points = [(float(index), 1.0) for index in range(10_000)]
    points[4_321] = (4_321.0, 99.0)
    points[8_765] = (8_765.0, -99.0)
    kept = list(thin(points, 100))
    assert len(kept) <= 100
    assert kept == sorted(kept)
    assert {(4_321.0, 99.0), (8_765.0, -99.0)} <= set(kept)


def test_the_bar_of_totals_shares_the_width_worst_first() -> None:
    root = ET.fromstring(str(draw_totals({Verdict.PASS: 3, Verdict.FAIL: 1})))
    bars = [(bar.get("class"), read_number(bar, "width")) for bar in root.iter("rect")]
    assert bars == [("fill-fail", 25.0), ("fill-pass", 75.0)]
    assert len(ET.fromstring(str(draw_totals({})))) == 0
