from __future__ import annotations

import pytest

from suites.harness.target import Target, TargetSpec


@pytest.fixture(scope="session")
def target():
    """A right broker, in a thread of this process."""
    with Target(TargetSpec.parse("in-process")) as started:
        yield started
