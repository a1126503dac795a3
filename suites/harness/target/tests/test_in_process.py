"""The broker in a thread: its logs, its ends, its defects."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from reference_broker.base import OperatorError
from reference_broker.client import BlockingClient, ClientError, ClientSettings
from suites.harness.target import Target, TargetError, TargetSpec, free_port
from suites.harness.target.in_process import InProcessRunner
from suites.harness.target.reaching import find_trouble
from suites.harness.topology import FILE_DOMAIN, MEM_DOMAIN, write_config_folder

SPEC = TargetSpec.parse("in-process")
LOGGER = logging.getLogger("reference_broker")


def test_each_has_a_log_of_its_own():
    with Target(SPEC) as one, Target(SPEC) as two:
        with two.client() as client:
            client.open(f"bmq://{MEM_DOMAIN}/only-two", write=True)
        assert "only-two" in two.log_tail()
        assert "only-two" not in one.log_tail()


def test_logging_is_as_before_when_the_last_has_ended():
    before = (LOGGER.level, list(LOGGER.handlers), list(LOGGER.filters))
    with Target(SPEC), Target(SPEC):
        assert LOGGER.level == logging.INFO
    assert (LOGGER.level, LOGGER.handlers, LOGGER.filters) == before


def test_others_never_get_text_that_cannot_be_encoded(caplog):
    with Target(SPEC):
        LOGGER.info("a surrogate: %s", "\ud800")
    assert "a surrogate: \\ud800" in caplog.text


def test_a_configuration_that_is_refused():
    broken = {"networkInterfaces": {"tcpInterface": {"port": "many"}}}
    with (
        pytest.raises(TargetError, match=r"ended with exit code 6 \(.*port"),
        Target(SPEC, app_config=broken),
    ):
        pass


def test_a_disk_that_fails_ends_it_with_a_reason(tmp_path: Path, monkeypatch):
    def fail(*_arguments: object) -> None:
        raise OperatorError("the disk is on fire")

    port = free_port()
    write_config_folder(tmp_path, port)
    runner = InProcessRunner(tmp_path)
    runner.start()
    while find_trouble("127.0.0.1", port, 5, is_guarded=False) is not None:
        assert not runner.wait_ended(0.01)
    monkeypatch.setattr("reference_broker.runtime.LogFiles.append", fail)
    with (
        contextlib.suppress(ClientError),
        BlockingClient(
            f"tcp://127.0.0.1:{port}", ClientSettings(connect_timeout_s=1, request_timeout_s=0.3)
        ) as client,
    ):
        client.open(f"bmq://{FILE_DOMAIN}/q", write=True)
    assert runner.wait_ended(5) == "the broker ended with exit code 6 (the disk is on fire)"
    assert runner.stop() == 6
    assert runner.stop() == 0, "there is nothing to stop"


@pytest.mark.slow
def test_a_defect_is_for_good():
    # In a process of its own, since it cannot be taken back.
    program = """
from suites.harness.defects import DEFECTS
from suites.harness.target import Target, TargetError, TargetSpec
first, second = list(DEFECTS)[:2]
def run(defect):
    try:
        with Target(TargetSpec.parse("in-process", defect)):
            return "runs"
    except TargetError as error:
        return str(error).split(";")[0]
print(run(first)); print(run(first)); print(run(second)); print(run(""))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[4],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == ["runs", "runs"]
    assert all("which cannot be taken back" in line for line in lines[2:])
