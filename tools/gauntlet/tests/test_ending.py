"""Whatever ends a suite or the gate ends what it has started, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from suites.harness.tests.processes import (
    PATIENCE_S,
    needs_proc,
    wait_for_children,
    wait_until_gone,
)

pytestmark = [pytest.mark.slow, needs_proc, pytest.mark.timeout(4 * PATIENCE_S)]

#: Module and arguments, and words on the command lines of what it starts.
CHAOS = ("suites.chaos", "--seconds", "60", "--toxiproxy", "own", "--case", "CHAOS-PARTITION-1")
FUZZ = ("suites.fuzz", "--seconds", "60")
STRESS = ("suites.stress", "--seconds", "60")
INTEGRATION = ("suites.integration",)
MATRIX = ("suites.integration", "--target", "reference", "--target", "in-process")
GATE = ("tools.gauntlet", "gate", "--seconds", "60")
FORWARDED = ("tools.gauntlet", "chaos", *CHAOS[1:])
BROKER = "reference_broker"
PROGRAMS = [
    pytest.param(CHAOS, ("suites.harness.toxiproxy", BROKER), id="chaos"),
    pytest.param(FUZZ, ("fuzz_event_reader", "fuzz_broker_core"), id="fuzz"),
    pytest.param(STRESS, (BROKER,), id="stress"),
    pytest.param(INTEGRATION, (BROKER,), id="integration"),
    pytest.param(MATRIX, ("suites.integration", BROKER), id="matrix"),
    pytest.param(GATE, ("suites.integration", BROKER), id="gate"),
    pytest.param(FORWARDED, ("suites.harness.toxiproxy", BROKER), id="forwarded"),
]


def start(program: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parents[3])
    return subprocess.Popen(
        [sys.executable, "-m", *program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(("program", "words"), PROGRAMS)
def test_sigterm_leaves_nothing_behind(
    program: Sequence[str], words: Sequence[str], tmp_path: Path
):
    process = start(program, tmp_path)
    try:
        started = wait_for_children(process, words)
        process.terminate()
        assert process.wait(PATIENCE_S) == 2
        wait_until_gone(started)
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("gaunt")] == []
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel has to help")
@pytest.mark.parametrize(("program", "words"), PROGRAMS[:-1])
def test_sigkill_leaves_no_process_behind(
    program: Sequence[str], words: Sequence[str], tmp_path: Path
):
    process = start(program, tmp_path)
    try:
        started = wait_for_children(process, words)
        process.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
        wait_until_gone(started)
    finally:
        process.kill()
        process.wait()
