"""Whole runs, in processes of their own: Locust changes the process that imports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from suites.harness.report import SuiteResult, Verdict
from suites.harness.target import Target, TargetSpec, free_port
from suites.stress.verdict import DELIVERY, LATENCY, RATE

ROOT = Path(__file__).parents[3]
SECONDS_MAX = 50
MASTER = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(free_port()))
pytestmark = pytest.mark.slow


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def run_suite(file: Path, *arguments: str) -> tuple[int, SuiteResult]:
    done = run("-m", "suites.stress", "--result", str(file), "--seed", "7", *arguments)
    assert file.exists(), done.stderr
    return done.returncode, msgspec.json.decode(file.read_bytes(), type=SuiteResult)


def run_locust(*arguments: str) -> subprocess.CompletedProcess[str]:
    file = "suites/stress/locustfile.py"
    return run("-m", "locust", "-f", file, "--headless", "-u", "2", "-r", "2", *arguments)


def test_the_suite_passes_on_the_reference_broker(tmp_path: Path) -> None:
    code, result = run_suite(tmp_path / "result.json", "--seconds", "3")
    assert {case.id: case.verdict for case in result.cases} == dict.fromkeys(
        (DELIVERY, RATE, LATENCY), Verdict.PASS
    )
    assert code == 0
    found = result.cases[0].properties
    posted = found["posted"]
    assert isinstance(posted, int)
    assert 5_000 <= posted <= 6_100, "3 s at 2,000 messages a second"
    assert found["delivered"] == found["acknowledged"] == posted
    counts = {row[0]: row[1] for row in result.tables[0].rows}
    assert counts["ack"] == counts["end-to-end"] == f"{posted:,}"
    assert len(result.charts[0].series[0].points) >= 2
    assert "queue: bmq://gauntlet.mem/stress (domain gauntlet.mem)" in result.notes


def test_a_message_that_is_pushed_twice_is_seen(tmp_path: Path) -> None:
    code, result = run_suite(
        tmp_path / "result.json", "--seconds", "1", "--break", "push-twice", "--case", DELIVERY
    )
    (case,) = result.cases
    assert (case.id, case.verdict, code) == (DELIVERY, Verdict.FAIL, 1)
    assert "duplicate (message 0 of producer 1; " in case.reason
    assert case.replay == (
        "gauntlet stress --target reference --break push-twice --seed 7 --seconds 1 "
        f"--case {DELIVERY}"
    )


def test_a_target_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    code, result = run_suite(tmp_path / "result.json", "--target", "external:10.0.0.1:30114")
    assert {case.verdict for case in result.cases} == {Verdict.ERROR}
    assert "is not a loopback address" in result.cases[0].reason
    assert code == 2


def test_a_queue_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    code, result = run_suite(
        tmp_path / "result.json", "--seconds", "30", "--queue-uri", "bmq://no.such.domain/q"
    )
    assert {case.verdict for case in result.cases} == {Verdict.ERROR}
    assert "a user stopped: " in result.cases[0].reason
    assert "no.such.domain" in result.cases[0].reason
    assert code == 2


def test_the_stock_command_runs_headless() -> None:
    with Target(TargetSpec.parse("reference")) as target:
        options = ("--rate", "500", "--batch", "5", "--queue-uri", "bmq://gauntlet.file/q")
        done = run_locust("-t", "2s", "--host", target.address, *options)
    assert done.returncode == 0, done.stderr
    assert "in batches of 5" in done.stdout
    assert "bmq://gauntlet.file/q" in done.stdout
    assert done.stdout.count("Pass ") == 3
    for name in ("ack", "end-to-end"):
        assert f"BMQ      {name} " in done.stderr


def test_the_stock_command_fails_with_the_broker() -> None:
    with Target(TargetSpec.parse("reference", "push-twice")) as target:
        done = run_locust("-t", "1s", "--host", target.address)
    assert done.returncode == 1, done.stderr
    assert "Fail            STRESS-DELIVERY-1" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--host", "tcp://10.0.0.1:30114"), "'10.0.0.1' is not a loopback address"),
        (("--batch", "0"), "batch is 0 but must be 1 to 10000 messages"),
        (MASTER, "other processes cannot share a load yet"),
    ],
)
def test_the_stock_command_refuses_clearly(options: tuple[str, ...], message: str) -> None:
    done = run_locust("-t", "1s", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
