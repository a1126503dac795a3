"""SIGTERM unwinds a program, once."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from suites.harness.tests.processes import PATIENCE_S

PROGRAM = """
import contextlib, signal, sys
from suites.harness.ending import in_order

# A shell's background jobs begin without it.
signal.signal(signal.SIGINT, signal.default_int_handler)

@contextlib.contextmanager
def context():
    try:
        yield
    finally:
        print("unwinding", flush=True)
        sys.stdin.readline()
        print("unwound", flush=True)

def main():
    with context():
        print("ready", flush=True)
        sys.stdin.readline()
    return 0

sys.exit(in_order(main))
"""


#: The signal comes while an object is finalized.
FINALIZING = """
import signal, sys
from suites.harness.ending import in_order

class Last:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        print("finalized", flush=True)

def main():
    Last()
    print("goes on", flush=True)
    sys.stdin.readline()
    return 0

sys.exit(in_order(main))
"""


def start() -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PROGRAM]
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unwinds_what_runs(number: signal.Signals):
    with start() as process:
        assert process.stdout is not None
        process.send_signal(number)
        assert process.stdout.readline() == "unwinding\n"
        process.send_signal(signal.SIGTERM)  # the first of its kind, or one more
        if number is signal.SIGTERM:
            out, errors = process.communicate("\n", timeout=PATIENCE_S)
            assert (out, errors) == ("unwound\n", "interrupted: no verdict\n")
        else:
            process.communicate("\n", timeout=PATIENCE_S)
        assert process.returncode == 2


def test_a_signal_inside_a_finalizer_is_not_lost():
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", FINALIZING]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.wait(PATIENCE_S) == 2
        assert process.stderr.read() == "interrupted: no verdict\n"
        assert "finalized" not in process.stdout.read()


def test_a_program_that_nobody_interrupts_keeps_its_exit_code():
    with start() as process:
        out, errors = process.communicate("\n\n", timeout=PATIENCE_S)
        assert (out, errors, process.returncode) == ("unwinding\nunwound\n", "", 0)
