from __future__ import annotations

from suites.fuzz.net.catalogue import find
from suites.fuzz.net.findings import finding_of
from suites.fuzz.net.judging import PAIRS, Tally, could_not_run, group_of, judged, lines_of
from suites.harness.report import Verdict

COMMAND = "gauntlet fuzz net --target reference"


def tally() -> Tally:
    return Tally(name="net", command=COMMAND, due={"put": 6_000}, seconds=2.0)


def test_what_is_done_and_clean_passes():
    run = tally()
    run.note_done("put", 6_000)
    result = judged(run)
    assert result.verdict is Verdict.PASS
    (case,) = result.cases
    assert (case.id, case.reason) == ("FUZZ-NET-PUT", "")
    assert case.properties["peer_cases"] == 2_720
    assert any("46,646" in line for line in lines_of(result))


def test_what_is_not_through_says_so():
    run = tally()
    run.note_done("put", 10)
    (case,) = judged(run).cases
    assert case.verdict is Verdict.PASS
    assert "10 of 6,000" in case.reason


def test_findings_fail_and_replay():
    run = tally()
    run.note_done("put", 10)
    run.note_done(PAIRS, 10)
    run.findings.add(finding_of(find("put/9"), "crash"))
    run.findings.add(finding_of(find("put/9~3"), "hang", with_others=["put/1", "put/2"]))
    result = judged(run)
    assert result.verdict is Verdict.FAIL
    single, pair = result.cases
    assert single.replay == f"{COMMAND} --only put/9"
    assert pair.replay == f"{COMMAND} --only put/1 --only put/2 --only put/9~3"
    assert pair.id == "FUZZ-NET-PAIRS"
    assert any(single.replay in line for line in lines_of(result))


def test_a_run_without_cases_is_no_verdict():
    assert judged(tally()).verdict is Verdict.ERROR
    result = could_not_run("net", "nobody answers\nat all", 1.0)
    assert result.verdict is Verdict.ERROR
    assert result.cases[0].reason == "nobody answers"


def test_groups():
    assert group_of("put/1") == "put"
    assert group_of("put/1~2") == group_of("put/1+confirm/2") == PAIRS
