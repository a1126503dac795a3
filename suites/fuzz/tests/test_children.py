"""Processes that several threads wait for."""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.children import Children

PATIENCE_S = 30.0


def run(children: Children, script: str, seconds: float = PATIENCE_S) -> tuple[int | None, bytes]:
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-c", script]
        code = children.run(command, environment={}, output=output, seconds=seconds)
        output.seek(0)
        return code, output.read()


def test_exit_code_and_output():
    assert run(Children(), "print('x'); raise SystemExit(3)") == (3, b"x\n")


def test_what_a_process_costs():
    script = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    with tempfile.TemporaryFile() as output:
        ended = Children().measure(
            [sys.executable, "-c", script], environment={}, output=output, seconds=PATIENCE_S
        )
    assert ended.code == 0
    assert 0.2 <= ended.cpu_s < 5


def test_stopping_ends_what_runs_and_lets_more_begin():
    children = Children()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run, children, "import signal; signal.pause()")
        give_up = time.monotonic() + PATIENCE_S
        while not children._running:
            assert time.monotonic() < give_up
        children.stop()
        assert waiting.result(PATIENCE_S)[0] == -9
    assert run(children, "")[0] == 0


def test_what_takes_too_long_is_killed():
    code, _ = run(Children(), "import signal; signal.pause()", seconds=0.1)
    assert code is None


def test_ending_ends_all_and_lets_nothing_more_begin():
    children = Children()
    with ThreadPoolExecutor(2) as pool:
        script = "import signal; signal.pause()"
        waiting = [pool.submit(run, children, script) for _ in range(2)]
        give_up = time.monotonic() + PATIENCE_S
        while len(children._running) < 2:
            assert time.monotonic() < give_up
        children.end()
        assert [future.result(PATIENCE_S)[0] for future in waiting] == [-9, -9]
    with pytest.raises(OperatorError, match="the run was ended"):
        run(children, "")
