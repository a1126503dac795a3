"""Settings of queues."""

from __future__ import annotations

import pytest

from reference_broker.queue.tests.shapes import SETTINGS


@pytest.mark.parametrize(
    ("attempts_left", "pause"), [(1, 3), (2, 3), (3, 1), (4, 1), (5, 0), (100, 0)]
)
def test_the_fewer_attempts_the_longer_the_pause(attempts_left: int, pause: int):
    settings = SETTINGS._replace(
        low_threshold=2, high_threshold=4, low_interval_ns=1, high_interval_ns=3
    )
    assert settings.pause_ns(attempts_left) == pause


@pytest.mark.parametrize("attempts_left", [1, 100])
def test_thresholds_of_zero_switch_pauses_off(attempts_left: int):
    settings = SETTINGS._replace(low_interval_ns=1, high_interval_ns=3)
    assert settings.pause_ns(attempts_left) == 0
