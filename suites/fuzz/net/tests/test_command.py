from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import msgspec
import pytest

from suites.fuzz.__main__ import main as fuzz
from suites.fuzz.net.catalogue import cases_of
from suites.fuzz.net.command import main
from suites.fuzz.net.tests.fragile import fragile
from suites.harness.report import SuiteResult, Verdict
from suites.harness.target import Target, TargetSpec, free_port

#: Defects that are found by cases of `disconnect`, what of their labels, and what is seen.
DEFECTS = {
    "one-buffer-for-all": ("break event.length = 0x3fffff", "bystander"),
    "answers-as-the-request-was-written": ("set event.specific = 0x8", "Encoding|crash"),
    "wide-integers-truncated": ("set json.value 16", "OverflowError|crash"),
}


def labelled(part: str) -> list[str]:
    found = [case.id for case in cases_of("disconnect") if part in case.label]
    return [f"--only={case_id}" for case_id in found[:2]]


def run(*arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "suites.fuzz", *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_a_sweep_of_one_case(tmp_path, capsys):
    path = tmp_path / "result.json"
    assert fuzz(["sweep", "--only", "disconnect/7", "--result", str(path)]) == 0
    result = msgspec.json.decode(path.read_bytes(), type=SuiteResult)
    assert [case.id for case in result.cases] == ["FUZZ-SWEEP-DISCONNECT"]
    assert "BlazingMQ's" in capsys.readouterr().out


def test_what_cannot_run(tmp_path, capsys):
    nowhere = str(tmp_path / "nowhere" / "result.json")
    for arguments in (
        ["sweep", "--only", "nothing/7"],
        ["sweep", "--only", "disconnect/7", "--result", nowhere],
        ["sweep", "--break", "nothing"],
        ["net", "--target", "nothing"],
        ["net", "--depth", "2"],
        ["net", "--only", "put/1", "--resume", str(tmp_path / "state")],
        ["net", "--target", "external:10.0.0.1:30114"],
    ):
        assert main(arguments) == 2, arguments
    capsys.readouterr()


@pytest.mark.parametrize(
    "arguments",
    [
        ["net", "--minutes", "0"],
        ["net", "--lanes", "0"],
        ["sweep", "--depth", "3"],
        ["sweep", "--samples", "x"],
    ],
)
def test_what_is_no_command_line(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.slow
def test_a_target_that_is_unreachable(capsys):
    assert main(["net", "--target", f"external:127.0.0.1:{free_port()}"]) == 2
    assert "no broker answers" in capsys.readouterr().out


def test_a_clean_run_over_tcp(capsys):
    with fragile() as broker:
        only = ["--only", "disconnect/3", "--only", "put/4", "--only", "open_queue/3+put/7"]
        assert main(["net", "--target", broker.spec.text, *only]) == 0
    out = capsys.readouterr().out
    assert "3 cases in" in out
    assert "pairs" in out


def test_a_target_that_dies(tmp_path, capsys):
    path = tmp_path / "result.json"
    (message,) = next(cases_of("disconnect")).messages
    with fragile(message) as broker:
        arguments = ["net", "--target", broker.spec.text, "--only", "disconnect/0"]
        assert main([*arguments, "--result", str(path)]) == 1
        command = f"gauntlet fuzz net --target {broker.spec.text} --only disconnect/0"
    (case,) = msgspec.json.decode(path.read_bytes(), type=SuiteResult).cases
    assert case.verdict is Verdict.FAIL
    assert case.replay == command
    assert message.hex() in case.details
    assert "crash: the target has ended" in case.reason
    assert "the target is gone" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_goes_on_where_the_last_one_ended(tmp_path, capsys, monkeypatch):
    every = list(cases_of("disconnect"))
    cases = every[:150]
    monkeypatch.setattr("suites.fuzz.net.command.all_cases", lambda: iter(cases))
    state = tmp_path / "state.json"
    with fragile() as broker:
        arguments = ["net", "--target", broker.spec.text, "--resume", str(state), "--seed", "3"]
        for total in (16, 32):
            assert main([*arguments, "--minutes", "0.00001"]) == 0
            done = msgspec.json.decode(state.read_bytes())
            assert (done["swept"], done["done"]) == (total, {"disconnect": total})
        assert main(arguments) == 0
        done = msgspec.json.decode(state.read_bytes())
        assert (done["swept"], done["done"]) == (150, {"disconnect": 150})
        assert main([*arguments, "--minutes", "0.002"]) == 0
        done = msgspec.json.decode(state.read_bytes())
        assert done["swept"] == 150
        assert done["sampled"] == done["done"]["pairs"] >= 16
        assert main([*arguments[:-1], "4"]) == 2
    assert f"of {len(every):,} cases" in capsys.readouterr().out


@pytest.mark.slow
def test_a_process_that_is_stopped_hangs(capsys):
    with Target(TargetSpec.parse("reference")) as target:
        pid = target.pid
        assert pid is not None
        stopper = threading.Timer(0.7, os.kill, (pid, signal.SIGSTOP))
        stopper.start()
        address = f"external:{target.host}:{target.port}"
        arguments = ["net", "--target", address, "--answer-seconds", "0.5"]
        assert main([*arguments, "--depth", "1"]) == 1
        stopper.join()
        os.kill(pid, signal.SIGCONT)
    assert "hang: " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("name", ["sweep", "net"])
def test_seeded_defects_are_found(defect, name):
    part, seen = DEFECTS[defect]
    only = labelled(part)
    assert only
    patience = ["--answer-seconds", "1"] if name == "net" else []
    found = run(name, "--break", defect, *only, *patience)
    assert found.returncode == 1, found.stdout + found.stderr
    assert any(each in found.stdout for each in seen.split("|"))
    assert f"--break {defect} --only disconnect/" in found.stdout


@pytest.mark.slow
def test_the_same_cases_are_clean_without_the_defects():
    only = [each for part, _ in DEFECTS.values() for each in labelled(part)]
    assert run("sweep", *only).returncode == 0
    assert run("net", *only).returncode == 0
