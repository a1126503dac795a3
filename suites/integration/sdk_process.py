"""Programs of the real SDK, each in a process of its own, and what they say."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from suites.integration.case import not_applicable

_STDERR_CHARS_MAX: Final = 4_000
_PATIENCE_S: Final = 10.0


def run_sdk(program: Path, *arguments: str, seconds_max: float) -> Iterator[dict[str, Any]]:
    """Run a program and yield the JSON objects that it prints, the one with `done` last.

    Args:
        program: the file.
        arguments: on its command line.
        seconds_max: how long it takes at most by its own account, seconds.

    Raises:
        AssertionError: it crashed, or did not end in time.
    """
    if importlib.util.find_spec("blazingmq") is None:
        not_applicable("the package blazingmq is not installed: it has no wheel for this platform")
    environment = {name: value for name, value in os.environ.items() if name != "BMQ_BROKER_URI"}
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, str(program), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        watchdog = threading.Timer(seconds_max + _PATIENCE_S, process.kill)
        watchdog.start()
        is_done = False
        try:
            for line in process.stdout:
                fact = json.loads(line)
                is_done = is_done or "done" in fact
                yield fact
            code = process.wait()
        finally:
            watchdog.cancel()
            process.kill()
        errors.seek(0)
        text = errors.read()[-_STDERR_CHARS_MAX:]
        assert is_done, f"the SDK's process ended with {code} before its time:\n{text}"
