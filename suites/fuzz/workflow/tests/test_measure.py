from __future__ import annotations

import subprocess
import sys

import pytest

WATCHED = ("reference_broker", "suites.fuzz.registry")


@pytest.mark.slow
def test_nothing_of_the_product_is_there_before_it_is_watched():
    script = (
        "import sys, suites.fuzz.workflow.measure, suites.fuzz.foreign, "
        "suites.fuzz.run_target; "
        f"print([name for name in sys.modules if name.startswith({WATCHED!r})])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
