from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.children import Children
from suites.fuzz.engine import Statistics, _collect, fuzz, has_coverage, parse_statistics, replay
from suites.fuzz.registry import CANARY, EVENT_READER, Target, find_target

LOG = """\
INFO: Seed: 1
#2\tINITED cov: 2 ft: 3 corp: 1/1b exec/s: 0 rss: 40Mb
#402\tNEW    cov: 6 ft: 6 corp: 3/11b lim: 6 exec/s: 0 rss: 40Mb L: 6/6 MS: 5 ChangeBit-
#178868\tDONE   cov: 642 ft: 2142 corp: 325/44Kb lim: 1178 exec/s: 11179 rss: 48Mb
Done 178868 runs in 16 second(s)
stat::number_of_executed_units: 178868
stat::average_exec_per_sec:     11179
stat::new_units_added:          574
stat::slowest_unit_time_sec:    0
stat::peak_rss_mb:              48
"""

PLANTED = find_target("suites.fuzz.tests.planted")
needs_coverage = pytest.mark.skipif(not has_coverage(), reason="atheris is not installed")


def test_statistics_are_read():
    assert parse_statistics(LOG) == Statistics(178868, 642, 2142, 325, 44 * 1024, 48)


def test_statistics_that_are_missing_are_zero():
    assert parse_statistics("INFO: nothing\n") == Statistics()
    assert parse_statistics("stat::number_of_executed_units: 7\n") == Statistics(executions=7)


def test_a_run_that_was_killed_counts_as_far_as_it_said():
    assert parse_statistics(LOG.partition("Done")[0]).executions == 178868


@needs_coverage
@pytest.mark.slow
def test_the_event_reader_is_fuzzed():
    run = fuzz(EVENT_READER, seconds=3, seed=1)
    assert run.problem == ""
    assert run.crashes == ()
    assert run.is_guided
    assert run.statistics.executions > 1000
    assert run.statistics.coverage > 400
    assert run.statistics.corpus_units > 100
    assert 2 < run.duration_s < 20
    assert run.executions_per_s > 100


@needs_coverage
@pytest.mark.slow
def test_the_canary_is_found_by_coverage():
    run = fuzz(CANARY, seconds=10, seed=1, crashes_max=1)
    assert run.problem == ""
    assert [crash.data[:4] for crash in run.crashes] == [b"BMQ!"]
    assert "CanaryError" in run.crashes[0].stack
    assert run.is_guided


@pytest.mark.slow
def test_the_canary_is_found_without_coverage():
    run = fuzz(CANARY, seconds=10, seed=1, crashes_max=1, unguided=True)
    assert run.problem == ""
    assert "CanaryError" in run.crashes[0].stack
    assert not run.is_guided


@pytest.mark.slow
def test_a_crash_is_kept_once_and_the_run_goes_on():
    run = fuzz(PLANTED, seconds=1, seed=1)
    assert run.problem == ""
    assert len(run.crashes) == 1
    crash = run.crashes[0]
    assert crash.kind == "crash"
    assert crash.data[0] == 0x7F
    assert crash.stack.endswith("KeyError: 127")
    assert "planted.py" in crash.stack
    assert run.statistics.executions > 1000


@pytest.mark.slow
def test_a_target_that_is_not_there_is_a_problem_not_a_pass():
    run = fuzz(Target(id="X", title="x", module="suites.fuzz.no_such_module"), seconds=1, seed=1)
    assert "it did not start (exit code 1)" in run.problem
    assert "no_such_module" in run.problem


@needs_coverage
@pytest.mark.slow
def test_what_it_prints_and_keeps_can_be_had(tmp_path):
    corpus, log = tmp_path / "corpus", tmp_path / "log"
    corpus.mkdir()
    run = fuzz(EVENT_READER, seconds=1, seed=1, corpus=corpus, log=log)
    assert len(list(corpus.iterdir())) > 10
    assert parse_statistics(log.read_text()) == run.statistics
    assert 0 < run.cpu_s < 60


@pytest.mark.slow
def test_inputs_behind_one_that_ends_the_process_are_replayed_as_well(tmp_path):
    for name, data in {"crash-a": b"\x7f123", "crash-b": b"end", "crash-c": b"\x7f456"}.items():
        (tmp_path / name).write_bytes(data)
    deadly = find_target("suites.fuzz.tests.deadly")
    crashes = {crash.data: crash.stack for crash in _collect(deadly, tmp_path, "", Children())}
    assert crashes[b"\x7f123"].endswith("KeyError: 127")
    assert crashes[b"end"].startswith("the input ends the process with signal 9")
    assert crashes[b"\x7f456"].endswith("KeyError: 127")


@pytest.mark.slow
def test_replay():
    stacks = replay(PLANTED, {"good": b"", "bad": b"\x7f123", "fine": b"\x7f"})
    assert list(stacks) == ["bad"]
    assert stacks["bad"].endswith("KeyError: 127")


@pytest.mark.slow
def test_replay_with_a_defect():
    # The defect is seeded in the child alone.
    core = find_target("FUZZ-BROKER-CORE")
    assert replay(core, {"empty": b""}) == {}
    assert "the bystander got" in replay(core, {"empty": b""}, defect="push-twice")["empty"]


@pytest.mark.slow
def test_a_replay_that_cannot_run_is_the_operators():
    target = Target(id="X", title="x", module="suites.fuzz.no_such_module")
    with pytest.raises(OperatorError, match="no_such_module"):
        replay(target, {"one": b""})
