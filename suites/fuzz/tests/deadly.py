"""As `planted`, but the input `end` ends the process: a defect to be found by tests."""

from __future__ import annotations

import os
import signal

from suites.fuzz.tests import planted


def test_one_input(data: bytes) -> None:
    if data == b"end":
        os.kill(os.getpid(), signal.SIGKILL)
    planted.test_one_input(data)
