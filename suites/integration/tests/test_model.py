"""The model machine in small: it is content with our broker, and finds what is wrong with others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from suites.integration.model.__main__ import main
from suites.integration.model.replay import DomainMachine, Plan, Sub, program_text
from suites.integration.model.running import PROFILES, run
from suites.integration.model.sockets import shared_driver
from suites.integration.model.virtual import VirtualDriver

_ASKED = os.environ.get("HYPOTHESIS_PROFILE", "ci")
_PROFILE = _ASKED if _ASKED in PROFILES else "ci"
_SEED = 20_250
_HEADER = "from suites.integration.model.replay import *\n\n"


def _run_python(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    program = folder / "program.py"
    program.write_text(text)
    return subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.slow
def test_our_broker_and_the_model_agree_in_virtual_time():
    outcome = run(
        VirtualDriver, seconds=15, first_seed=_SEED, profile=_PROFILE, shrink_s=5, rounds=1
    )
    assert outcome.failure is None, outcome.failure
    assert outcome.steps > 200


@pytest.mark.slow
def test_our_broker_and_the_model_agree_over_sockets():
    with shared_driver("in-process") as new_driver:
        outcome = run(new_driver, seconds=8, first_seed=_SEED, profile=_PROFILE, shrink_s=5)
    assert outcome.failure is None, outcome.failure
    assert outcome.steps > 100


@pytest.mark.slow
def test_a_defect_is_found_and_the_printed_program_shows_it(tmp_path: Path):
    words = ["--break", "push-twice", "--seconds", "30", "--seed", "1", "--shrink", "2"]
    command = [sys.executable, "-m", "suites.integration.model", *words]
    found = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "came twice" in found.stdout
    assert "replay: python -m suites.integration.model --target virtual --seed" in found.stdout
    start = found.stdout.index("from suites.integration.model.replay")
    text = found.stdout[start : found.stdout.index("\nreplay: ")]

    replayed = _run_python(tmp_path, text)
    assert replayed.returncode == 1
    assert "DeviationError" in replayed.stderr
    assert "came twice" in replayed.stderr

    healthy = _run_python(tmp_path, text.replace("defect='push-twice'", "defect=''"))
    assert healthy.returncode == 0, healthy.stderr


@pytest.mark.slow
def test_what_hypothesis_prints_is_such_a_program_too(tmp_path: Path):
    listing = tmp_path / "listing.py"
    listing.write_text(
        _HEADER
        + "from hypothesis import Phase, settings\n"
        + "from hypothesis.stateful import run_state_machine_as_test\n"
        + "rules = settings(max_examples=100, database=None, derandomize=True,\n"
        + "                 phases=[Phase.generate], deadline=None)\n"
        + "run_state_machine_as_test(machine(defect='push-twice'), settings=rules)\n"
    )
    printed = _run_python(tmp_path, listing.read_text()).stderr
    lines = [line for line in printed.splitlines() if line.startswith("state")]
    assert lines[0] == "state = DomainMachine()"
    text = _HEADER + "DomainMachine = machine(defect='push-twice')\n" + "\n".join(lines) + "\n"
    replayed = _run_python(tmp_path, text)
    assert "DeviationError" in replayed.stderr, replayed.stderr


def test_a_program_runs_as_it_is():
    state = DomainMachine()
    state.begin(plans=(Plan(storage="fileBacked"),), kinds=("new", "json", "old"), cut=7)
    state.read(slot=1, queue=0, app=0, subs=(Sub(messages=2),), old_style=False)
    state.write(slot=0, queue=0)
    state.post(writer=0, contents=(0, 2, 4), ack=True)
    state.confirm(reader=0, messages=(0,))
    state.restart(graceful=False)
    state.read(slot=2, queue=0, app=0, subs=(Sub(expression=1),), old_style=False)
    state.confirm_all(reader=0)
    state.teardown()


def test_a_program_s_text_makes_its_own_machine():
    text = program_text(["state.begin(plans=(Plan(),), kinds=('new',) * 3, cut=0)"], defect="x")
    assert "machine(target='virtual', defect='x')" in text
    assert text.endswith("state.teardown()\n")


def test_an_unknown_defect_cannot_be_run(capsys: pytest.CaptureFixture[str]):
    assert main(["--break", "no-such-thing"]) == 2
    assert "no defect is called 'no-such-thing'" in capsys.readouterr().err


def test_an_unreachable_target_cannot_be_run(capsys: pytest.CaptureFixture[str]):
    assert main(["--target", "external:127.0.0.1:9", "--seconds", "1"]) == 2
    assert "no broker answers" in capsys.readouterr().err
