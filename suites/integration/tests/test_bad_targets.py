"""Targets that answer garbage, say nothing, or are gone half-way: a verdict in bounded time."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from suites.harness.report import Case, SuiteResult, Verdict
from suites.harness.target import Target, TargetSpec
from suites.integration.tests.fake import MortalBroker, fake_broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

ROOT = Path(__file__).resolve().parents[3]
NUMBERS = (1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13)  # those that any target can be asked


def run(folder: Path, port: int, *arguments: str) -> tuple[int, list[Case]]:
    """Run some cases within two minutes; returns the exit code, and what was found."""
    path = folder / "result.json"
    wanted = [f"--case=BMQ-PUT-{number}" for number in NUMBERS]
    target = f"--target=external:127.0.0.1:{port}"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "suites.integration",
            target,
            *wanted,
            *arguments,
            f"--result={path}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    result = msgspec.json.decode(path.read_bytes(), type=SuiteResult)
    return done.returncode, list(result.cases)


@pytest.mark.parametrize(
    ("answer", "closes", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "not of the protocol"),
        (b"", False, "never answers"),
        (b"", True, "instead of answering"),
    ],
)
def test_a_target_that_is_no_broker(tmp_path: Path, answer: bytes, closes: bool, words: str):
    with fake_broker(answer, closes=closes, connections=20) as port:
        code, cases = run(tmp_path, port)
    assert code == 2
    counts = Counter(case.verdict for case in cases)
    assert counts == {Verdict.ERROR: 1, Verdict.NOT_RUN: len(NUMBERS) - 1}
    assert all(words in case.reason for case in cases)


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_target_that_dies_half_way(tmp_path: Path, is_silent: bool):
    with (
        Target(TargetSpec.parse("reference")) as real,
        MortalBroker(real.port, 8, is_silent=is_silent) as target,
    ):
        code, cases = run(tmp_path, target.port, "-n", "2")  # one after the other all the same
    counts = Counter(case.verdict for case in cases)
    assert code == 2, counts
    assert counts.keys() <= {Verdict.PASS, Verdict.ERROR, Verdict.NOT_RUN}
    assert counts[Verdict.ERROR] == 1
    assert counts[Verdict.PASS] >= 1
    assert counts[Verdict.NOT_RUN] >= 1
    lost = {case.reason.partition(":")[0] for case in cases if case.verdict is not Verdict.PASS}
    assert len(lost) == 1
    assert "the target no longer answers, since BMQ-PUT-" in lost.pop()
