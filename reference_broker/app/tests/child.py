"""The broker as a child process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reference_broker.app.tests.test_broker import write_folder

PATIENCE_S = 20.0
ROOT = Path(__file__).parents[3]
#: What the peer's test harness asks for, `\\n` as two characters.
HARNESS_FORMAT = r"%c~@~%d~@~%t~@~%s~@~%F:%l~@~%m\n"


@contextlib.contextmanager
def process(
    *arguments: str, cwd: Path = ROOT, entry: str = "", **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run the broker as a process; it is gone in the end.

    Args:
        arguments: of the command line.
        cwd: working directory.
        entry: Python statements instead of `-m reference_broker`.
        environment: variables besides those of this process.
    """
    start = ["-c", entry] if entry else ["-m", "reference_broker"]
    running = subprocess.Popen(
        [sys.executable, *start, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate(timeout=PATIENCE_S)


def lines_until(running: subprocess.Popen[str], wanted: str) -> list[str]:
    """Read lines up to the first one with `wanted` in it."""
    assert running.stdout is not None
    lines: list[str] = []
    for line in running.stdout:
        lines.append(line.rstrip("\n"))
        if wanted in line:
            return lines
    assert running.stderr is not None
    raise AssertionError(f"no {wanted} in {lines}; {running.stderr.read()}")


def value_in(lines: list[str], name: str) -> str:
    """Return the value of a field of a log line."""
    (value,) = {
        word.partition("=")[2]
        for line in lines
        for word in line.split()
        if word.startswith(f"{name}=")
    }
    return value


def drop_in_folder(folder: Path, **log_controller: Any) -> Path:
    """Write a configuration folder that logs as the peer's harness wants it; returns `folder`."""
    path = write_folder(folder) / "bmqbrkrcfg.json"
    document = json.loads(path.read_text())
    settings = {"consoleFormat": HARNESS_FORMAT, **log_controller}
    document["taskConfig"] = {"logController": settings}
    document["appConfig"]["configVersion"] = 42
    path.write_text(json.dumps(document))
    return folder
