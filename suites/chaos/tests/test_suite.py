"""The suite from end to end: what is right passes, and what is broken on purpose does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suites.chaos import __main__ as command
from suites.chaos.cases import CASES, ChaosCase
from suites.chaos.nemesis import NemesisError
from suites.chaos.run import Run
from suites.chaos.runner import Options, run_case, run_suite
from suites.chaos.schedule import Schedule
from suites.harness.checkers import DeliveryChecker
from suites.harness.history import EventType, Function, read_history
from suites.harness.report import SuiteResult, Verdict
from suites.harness.target import Target, TargetError, TargetSpec

BY_ID = {case.id: case for case in CASES}
CRASH = BY_ID["CHAOS-CRASH-1"]
CUT = BY_ID["CHAOS-PARTITION-2"]

pytestmark = pytest.mark.slow


def run_command(folder: Path, *arguments: str) -> tuple[int, SuiteResult]:
    path = folder / "result.json"
    code = command.main([*arguments, "--histories", str(folder), "--result", str(path)])
    return code, msgspec.json.decode(path.read_bytes(), type=SuiteResult)


def facts(result: SuiteResult) -> dict[str, Any]:
    """The numbers of the only case."""
    (case,) = result.cases
    return dict(case.properties)


# Sound brokers.


@pytest.mark.parametrize(
    ("case_id", "seconds", "fault", "losses"),
    [
        ("CHAOS-PARTITION-1", "2.5", "black-hole", 4),  # the hole lasts as long as ten heartbeats
        ("CHAOS-PARTITION-2", "1.5", "cut", 4),
        ("CHAOS-CRASH-1", "1.5", "kill", 6),
    ],
)
def test_a_sound_broker_passes(tmp_path, capsys, case_id, seconds, fault, losses):
    code, result = run_command(
        tmp_path, "--case", case_id, "--seconds", seconds, "--seed", "7", "--toxiproxy", "own"
    )
    (case,) = result.cases
    assert (code, case.verdict, case.reason) == (0, Verdict.PASS, "")
    found = facts(result)
    assert found["posted"] == found["acknowledged"] == found["delivered"] == found["confirmed"]
    assert found["posted"] > 200
    assert found["reconnections"] >= losses
    assert found["recovery_s"] < 5
    assert {found[name] for name in ("lost", "duplicate", "phantom", "corrupted", "reordered")} == {
        0
    }
    assert found["seed"] == 7
    assert "seed 7" in capsys.readouterr().out
    # The chart shows the fault, and what came through before and after it.
    (chart,) = result.charts
    assert chart.bands[0].label == fault
    assert {series.name for series in chart.series} == {"acknowledgements", "deliveries"}
    # The fault is timed from when the clients are there; how long that takes is not.
    acks = chart.series[0].points
    assert any(rate for at_s, rate in acks if at_s < chart.bands[0].start_s)
    assert any(rate for at_s, rate in acks if at_s > chart.bands[0].end_s)
    # The history alone gives the same verdict.
    again = DeliveryChecker()
    for event in read_history(tmp_path / f"{case_id}.jsonl"):
        again.observe(event)
    assert again.result().verdict == "valid"
    links = [note for note in result.notes if "links ran through gauntlet toxiproxy" in note]
    assert len(links) == (fault != "kill")


def test_nothing_gets_through_a_partition(tmp_path):
    code, _ = run_command(tmp_path, "--case", CUT.id, "--seconds", "1", "--toxiproxy", "own")
    assert code == 0
    is_cut = False
    ends = began_ns = 0
    for event in read_history(tmp_path / f"{CUT.id}.jsonl"):
        if event.function is Function.FAULT and event.value == "cut":
            # The first link is cut before the second one.
            ends += event.type is EventType.OK
            is_cut = ends == 2
            began_ns = event.time_ns
        elif event.function is Function.FAULT:
            is_cut = False
        elif is_cut and event.time_ns - began_ns > 200_000_000:
            assert event.function not in {Function.ACK, Function.PUSH, Function.OPEN}, event


def test_a_broker_that_runs_already_is_tested_as_far_as_it_goes(tmp_path):
    with Target(TargetSpec.parse("reference")) as target:
        address = f"external:127.0.0.1:{target.port}"
        arguments = ["--target", address, "--seconds", "1.5", "--toxiproxy", "own"]
        code, result = run_command(tmp_path, *arguments, "--case", CUT.id, "--case", CRASH.id)
        assert target.is_alive()
    assert code == 0
    assert [(case.id, case.verdict) for case in result.cases] == [
        (CUT.id, Verdict.PASS),
        (CRASH.id, Verdict.NOT_APPLICABLE),
    ]
    assert result.cases[1].reason == "the target lacks: configured, lifecycle"


# Broken ones.


def test_a_message_pushed_twice_is_found(tmp_path, capsys):
    code, result = run_command(
        tmp_path, "--break", "push-twice", "--case", CUT.id, "--seconds", "1", "--toxiproxy", "own"
    )
    (case,) = result.cases
    assert (code, case.verdict) == (1, Verdict.FAIL)
    assert "was delivered twice on one stream" in case.reason
    assert facts(result)["duplicate"] > 10
    assert facts(result)["lost"] == 0
    witness = case.details.partition("duplicate: ")[2].splitlines()[1:4]
    assert ["push ok" in line for line in witness] == [False, True, True]
    assert case.replay == (
        "gauntlet chaos --target reference --break push-twice --seed 1 --seconds 1 "
        "--toxiproxy own --case CHAOS-PARTITION-2"
    )
    assert f"replay  {case.replay}" in capsys.readouterr().out


def test_a_message_lost_in_recovery_is_found(tmp_path):
    code, result = run_command(
        tmp_path, "--break", "lose-on-recovery", "--case", CRASH.id, "--seconds", "1"
    )
    (case,) = result.cases
    assert (code, case.verdict) == (1, Verdict.FAIL)
    assert "was acknowledged and never delivered; sweep:0, posted later, was" in case.reason
    assert facts(result)["lost"] >= 1
    assert facts(result)["duplicate"] == 0
    assert "lose-on-recovery" in case.replay


# Runs that show nothing, or cannot be.


def run_one(scenario: Any, tmp_path: Path) -> Any:
    case: ChaosCase = replace(CRASH, scenario=scenario)
    options = Options(target=TargetSpec.parse("reference"), seconds=0.2, histories=tmp_path)
    return run_case(case, options, None)[0]


def test_a_fault_that_reaches_nobody_shows_nothing(tmp_path):
    async def scenario(run: Run) -> None:
        await run.start_producers()
        await run.start_consumers()
        await run.under_load(Schedule("peace", ()))
        await run.stop_producing()
        await run.wait_answered()
        await run.wait_drained()

    case = run_one(scenario, tmp_path)
    assert case.verdict is Verdict.ERROR
    assert case.reason == "the fault did not reach p0, p1, c0, c1: no connection was lost"


def test_a_run_without_messages_shows_nothing(tmp_path):
    async def scenario(_: Run) -> None:
        raise NotImplementedError("not today")

    case = run_one(scenario, tmp_path)
    assert case.verdict is Verdict.ERROR
    assert case.reason == "NotImplementedError: not today"
    assert "Traceback" in case.details


def test_a_broker_that_does_not_start_again_has_failed(tmp_path):
    async def scenario(_: Run) -> None:
        raise NemesisError("'restart broker' failed: it ended") from TargetError("it ended")

    case = run_one(scenario, tmp_path)
    assert (case.verdict, case.reason) == (Verdict.FAIL, "'restart broker' failed: it ended")


def test_a_link_that_does_not_heal_is_no_failure_of_the_broker(tmp_path):
    async def scenario(_: Run) -> None:
        raise NemesisError("'heal' failed")

    case = run_one(scenario, tmp_path)
    assert (case.verdict, case.reason) == (Verdict.ERROR, "NemesisError: 'heal' failed")


def test_what_does_not_drain_has_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("suites.chaos.run.STALL_SECONDS", 0.1)

    async def scenario(run: Run) -> None:
        producers = await run.start_producers()
        await run.stop_producing()
        await run.wait_answered()
        await run.wait_drained()
        await run.part_with(producers)

    case = run_one(scenario, tmp_path)
    assert case.verdict is Verdict.FAIL
    assert "messages were not delivered and confirmed in the end; p0 connected" in case.reason


def test_a_target_that_is_not_there_ends_the_suite():
    options = Options(target=TargetSpec.parse("external:127.0.0.1:1"), seconds=1)
    shown: list[str] = []
    result = run_suite(
        options, [CRASH, replace(CRASH, id="CHAOS-CRASH-2")], lambda case: shown.append(case.id)
    )
    assert [case.verdict for case in result.cases] == [Verdict.ERROR, Verdict.NOT_RUN]
    assert "no broker answers at tcp://127.0.0.1:1" in result.cases[0].reason
    assert result.cases[1].reason == "CHAOS-CRASH-1 before it could not begin"
    assert shown == ["CHAOS-CRASH-1", "CHAOS-CRASH-2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "moon"], "target 'moon' is neither"),
        (["--break", "everything"], "no defect is called 'everything'"),
        (["--case", "CHAOS-9"], "no case is called 'CHAOS-9'; known: CHAOS-PARTITION-1"),
    ],
)
def test_a_command_line_that_cannot_be_run(capsys, arguments, message):
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("arguments", [["--seconds", "0"], ["--seconds", "x"], ["--seed", "-1"]])
def test_numbers_out_of_range(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err
