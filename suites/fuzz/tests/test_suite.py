from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from reference_broker.base import OperatorError
from suites.fuzz import suite
from suites.fuzz.__main__ import main
from suites.fuzz.engine import Crash, Run, Statistics
from suites.fuzz.registry import BROKER_CORE, CANARY, EVENT_READER, Target
from suites.harness.report import SuiteResult, Verdict
from suites.harness.target import TargetSpec

STATISTICS = Statistics(executions=1000, coverage=10)


def options(**changes: Any) -> suite.Options:
    chosen: dict[str, Any] = {
        "spec": TargetSpec.parse("reference"),
        "seed": 7,
        "seconds": 10,
        **changes,
    }
    return suite.Options(**chosen)


class FakeEngine:
    """Stands in for `fuzz`: remembers what it was asked, answers what it was told."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, runs: Mapping[str, Run] | None = None
    ) -> None:
        self.asked: dict[str, dict[str, Any]] = {}
        self._runs = runs or {}
        monkeypatch.setattr(suite, "fuzz", self)
        monkeypatch.setattr(suite, "replay", lambda *_args, **_options: {})

    def __call__(self, target: Target, **asked: Any) -> Run:
        self.asked[target.id] = asked
        crashes = (
            (Crash("crash", b"BMQ!", "Traceback\nCanaryError: x"),) if target is CANARY else ()
        )
        run = Run(target, asked["seed"], 1.0, STATISTICS, crashes)
        return self._runs.get(target.id, run)


def verdicts(result: SuiteResult) -> dict[str, Verdict]:
    return {case.id: case.verdict for case in result.cases}


def test_everything_passes(monkeypatch):
    engine = FakeEngine(monkeypatch)
    result = suite.run_suite(options())
    assert list(verdicts(result)) == [
        "FUZZ-CORPUS",
        "FUZZ-CANARY",
        "FUZZ-EVENT-READER",
        "FUZZ-BROKER-CORE",
    ]
    assert result.verdict is Verdict.PASS
    assert engine.asked[EVENT_READER.id]["seconds"] == 10
    assert engine.asked[CANARY.id]["seconds"] == 3
    assert engine.asked[BROKER_CORE.id]["seconds"] == 10  # the canary needed nothing
    assert {asked["seed"] for asked in engine.asked.values()} == {7}
    assert "seed 7" in result.notes[0]
    assert [row[0] for row in result.tables[0].rows] == [CANARY.id, EVENT_READER.id, BROKER_CORE.id]


def test_a_silent_canary_fails(monkeypatch):
    FakeEngine(monkeypatch, {CANARY.id: Run(CANARY, 7, 3.0, STATISTICS)})
    case = suite.run_suite(options(cases=(CANARY.id,))).cases[0]
    assert case.verdict is Verdict.FAIL
    assert case.reason == "no crash in 1,000 executions: the harness is blind"


def test_another_crash_of_the_canary_is_no_proof(monkeypatch):
    crash = Crash("crash", b"x", "Traceback\nNameError: typo")
    FakeEngine(monkeypatch, {CANARY.id: Run(CANARY, 7, 3.0, STATISTICS, (crash,))})
    assert suite.run_suite(options(cases=(CANARY.id,))).verdict is Verdict.FAIL


def test_a_run_that_says_nothing_is_an_error(monkeypatch):
    run = Run(EVENT_READER, 7, 0.0, Statistics(), problem="it did not start (exit code 1):\nlog")
    FakeEngine(monkeypatch, {EVENT_READER.id: run})
    case = suite.run_suite(options(cases=(EVENT_READER.id,))).cases[0]
    assert case.verdict is Verdict.ERROR
    assert case.reason == "it did not start (exit code 1):"


def test_a_crash_fails_with_its_replay(monkeypatch):
    crash = Crash("crash", b"\0\0\0\7", "Traceback (most recent call last):\nIndexError: 7")
    FakeEngine(monkeypatch, {EVENT_READER.id: Run(EVENT_READER, 7, 1.0, STATISTICS, (crash,))})
    spec = TargetSpec.parse("reference", "skip-crc-check")
    case = suite.run_suite(options(cases=(EVENT_READER.id,), spec=spec)).cases[0]
    assert case.verdict is Verdict.FAIL
    assert case.reason == "1 finding; the first: crash: IndexError: 7"
    assert case.replay == (
        "gauntlet fuzz --target reference --break skip-crc-check "
        "--case FUZZ-EVENT-READER --input hex:00000007"
    )
    assert "refused: eventHeader.length is 7" in case.details


def test_a_long_input_goes_into_a_file(monkeypatch, tmp_path):
    data = bytes(2000)
    run = Run(EVENT_READER, 7, 1.0, STATISTICS, (Crash("hang", data, "the input hangs\nstack"),))
    FakeEngine(monkeypatch, {EVENT_READER.id: run})
    chosen = options(cases=(EVENT_READER.id,), crash_folder=tmp_path / "new folder")
    case = suite.run_suite(chosen).cases[0]
    assert case.reason == "1 finding; the first: hang: the input hangs"
    assert suite.read_input(shlex.split(case.replay)[-1]) == data
    assert data.hex() in case.details


def test_a_seed_that_fails(monkeypatch):
    FakeEngine(monkeypatch)
    failing = {"fragment_bit": "Traceback\nIndexError: 0"}
    monkeypatch.setattr(
        suite, "replay", lambda target, *_, **__: failing if target is EVENT_READER else {}
    )
    case = suite.run_suite(options(cases=("FUZZ-CORPUS",))).cases[0]
    assert case.verdict is Verdict.FAIL
    assert case.replay.endswith("--case FUZZ-EVENT-READER --input hex:8000000842020000")


def test_an_external_target_is_not_what_is_fuzzed(monkeypatch):
    engine = FakeEngine(monkeypatch)
    result = suite.run_suite(options(spec=TargetSpec.parse("external:127.0.0.1:1")))
    assert list(engine.asked) == [CANARY.id]
    assert verdicts(result)[EVENT_READER.id] is Verdict.NOT_APPLICABLE


def test_unguided_runs_say_so(monkeypatch):
    run = Run(EVENT_READER, 7, 1.0, STATISTICS, is_guided=False)
    FakeEngine(monkeypatch, {EVENT_READER.id: run})
    result = suite.run_suite(options(cases=(EVENT_READER.id,)))
    assert "no coverage guided these runs" in result.notes[1]
    assert result.cases[0].properties["guided"] == "by nothing"


@pytest.mark.parametrize("text", ["hex:0", "hex:zz", "/no/such/file"])
def test_inputs_that_are_none(text):
    with pytest.raises(OperatorError, match="--input"):
        suite.read_input(text)


# The command.


@pytest.mark.parametrize(
    "arguments",
    [
        ["--case", "FUZZ-NOTHING"],
        ["--input", "hex:00"],
        ["--case", "FUZZ-CORPUS", "--input", "hex:00"],
        ["--case", "FUZZ-CANARY", "--input", "hex:0"],
        ["--target", "nowhere"],
        ["--break", "nothing"],
    ],
)
def test_what_cannot_run_ends_with_2_and_a_result(arguments, tmp_path):
    path = tmp_path / "result.json"
    assert main([*arguments, "--result", str(path)]) == 2
    result = msgspec.json.decode(path.read_bytes(), type=SuiteResult)
    assert result.verdict is Verdict.ERROR


@pytest.mark.parametrize(("digits", "code"), [("424d5120", 0), ("424d5121", 1)])
@pytest.mark.slow
def test_one_input(digits, code, tmp_path, capsys):
    path = tmp_path / "result.json"
    file = tmp_path / "input"
    file.write_bytes(bytes.fromhex(digits))
    arguments = ["--case", "FUZZ-CANARY", "--input", str(file), "--result", str(path)]
    assert main(arguments) == code
    case = msgspec.json.decode(path.read_bytes(), type=SuiteResult).cases[0]
    assert case.verdict is (Verdict.FAIL if code else Verdict.PASS)
    assert ("CanaryError" in capsys.readouterr().out) is bool(code)
    assert case.replay.endswith(f"--case FUZZ-CANARY --input hex:{digits}")


@pytest.mark.slow
def test_a_planted_defect_is_found_and_its_replay_command_fails(tmp_path):
    path = tmp_path / "result.json"
    name = "suites.fuzz.tests.planted"
    assert main(["--case", name, "--seconds", "1", "--seed", "1", "--result", str(path)]) == 1
    case = msgspec.json.decode(path.read_bytes(), type=SuiteResult).cases[0]
    assert case.verdict is Verdict.FAIL
    words = shlex.split(case.replay)
    assert words[:2] == ["gauntlet", "fuzz"]
    replayed = subprocess.run(
        [sys.executable, "-m", "suites.fuzz", *words[2:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert replayed.returncode == 1
    assert "KeyError: 127" in replayed.stdout
