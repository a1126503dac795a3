"""A bound process gets its signal when the one that started it is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from suites.harness.bound import EXIT_CANNOT_RUN, bound
from suites.harness.tests.processes import PATIENCE_S, is_running, needs_proc, wait_until_gone

linux = pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")

PARENT = """
import signal, subprocess, sys, threading
from suites.harness.bound import bound
child = "import signal, sys; signal.signal({number}, lambda *_: sys.exit(print('asked', flush=True)));"
child += "print('ready', flush=True); signal.pause()"
command = bound([sys.executable, "-c", child.format(number=int(sys.argv[1]))], signal.Signals(int(sys.argv[1])))
process = subprocess.Popen(command)
print(process.pid, flush=True)
process.wait()
"""


@linux
@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_it_gets_the_signal_when_its_parent_is_killed(number: signal.Signals):
    command = [sys.executable, "-c", PARENT, str(int(number))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        lines = sorted(parent.stdout.readline().strip() for _ in range(2))
        assert lines[1] == "ready"
        child = int(lines[0])
        assert is_running(child)
        parent.kill()
        assert parent.stdout.readline() == "asked\n"
        wait_until_gone([child])


@linux
def test_it_is_the_command_itself():
    script = "import os, sys; print(os.getpid(), sys.argv[1:]); sys.exit(7)"
    command = bound([sys.executable, "-c", script, "a b", "--c"])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert out == f"{process.pid} ['a b', '--c']\n"
        assert process.returncode == 7


@linux
def test_a_command_that_cannot_be_run_says_so():
    done = subprocess.run(
        bound(["/nowhere/program"]),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == EXIT_CANNOT_RUN
    assert done.stderr == "/nowhere/program cannot be run: No such file or directory\n"


@linux
def test_a_command_whose_parent_died_at_once_is_not_run():
    command = bound([sys.executable, "-c", "print('ran')"])
    command[command.index("-S") + 3] = "1"  # not the parent
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (EXIT_CANNOT_RUN, b"")


def test_what_a_passing_thread_starts_is_not_bound():
    found: list[list[str]] = []
    thread = threading.Thread(target=lambda: found.append(bound(["program"])))
    thread.start()
    thread.join()
    assert found == [["program"]]
