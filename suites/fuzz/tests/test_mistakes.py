from __future__ import annotations

import subprocess
import sys

import pytest

from suites.fuzz.registry import TARGETS
from suites.fuzz.tests.showing import SHOWN
from suites.harness.defects import PARSER_DEFECTS

#: Makes each mistake in a process of its own, and prints those that are not seen.
MAKE_EACH = """
import os, signal
from suites.fuzz.registry import TARGETS
from suites.fuzz.tests.showing import SHOWN
from suites.harness.defects import PARSER_DEFECTS

def too_long(*_):
    raise TimeoutError

signal.signal(signal.SIGALRM, too_long)
for name, (target_id, data) in SHOWN.items():
    function = TARGETS[target_id].function
    if child := os.fork():
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            print(name, flush=True)
        continue
    PARSER_DEFECTS[name].apply()
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        function(data)
    except Exception:
        os._exit(0)
    os._exit(1)
"""


def test_each_mistake_has_an_input_that_shows_it():
    assert SHOWN.keys() == PARSER_DEFECTS.keys()


@pytest.mark.parametrize(("target_id", "data"), SHOWN.values(), ids=SHOWN)
def test_without_the_mistake_the_input_does_no_harm(target_id: str, data: bytes):
    TARGETS[target_id].function(data)


@pytest.mark.slow
def test_with_the_mistake_it_is_found_out():
    done = subprocess.run(
        [sys.executable, "-c", MAKE_EACH],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], done.stderr
