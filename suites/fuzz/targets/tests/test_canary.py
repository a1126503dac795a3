from __future__ import annotations

import pytest

from suites.fuzz.targets import canary


@pytest.mark.parametrize("data", [canary.MAGIC, canary.MAGIC + b"more"])
def test_the_canary_crashes_on_its_prefix(data):
    with pytest.raises(canary.CanaryError):
        canary.test_one_input(data)


@pytest.mark.parametrize("data", [b"", b"BMQ", b"AMQ!", b"BNQ!", b"BMR!", b"BMQ?", b" BMQ!"])
def test_and_on_nothing_else(data):
    canary.test_one_input(data)
