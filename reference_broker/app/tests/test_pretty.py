"""Values as the peer prints them."""

from __future__ import annotations

import pytest

from reference_broker.app.pretty import pretty_time


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.00 us"),
        (12_340_000, "12.34 ms"),
        (1_000_000_000, "1.00 s"),
        (90 * 10**9, "1.50 m"),
        (3_600 * 10**9, "1.00 h"),
        (36 * 3_600 * 10**9, "1.50 d"),
        (14 * 86_400 * 10**9, "2.00 w"),
    ],
)
def test_times(nanoseconds: int, text: str):
    assert pretty_time(nanoseconds) == text
