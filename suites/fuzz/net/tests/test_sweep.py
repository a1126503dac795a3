from __future__ import annotations

import gc

from suites.fuzz.net import sweep as sweeps
from suites.fuzz.net.judging import Tally, judged
from suites.fuzz.net.sweep import cases_for, sweep
from suites.harness.report import Verdict


def test_a_clean_sweep():
    thresholds = gc.get_threshold()
    tally = Tally(name="sweep", command="gauntlet fuzz sweep")
    sweep(cases_for(("put/1", "put/2", "confirm/3~4"), 1, 0, 1), tally, lambda _: None)
    assert tally.done == {"put": 2, "pairs": 1}
    assert judged(tally).verdict is Verdict.PASS
    assert gc.get_threshold() == thresholds


def test_a_kind_with_enough_findings_is_left(monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(sweeps, "attempt", lambda case: f"Traceback\nKeyError: {case.id}")
    tally = Tally(name="sweep", command="gauntlet fuzz sweep")
    sweep(cases_for(("disconnect", "put/1"), 1, 0, 1), tally, told.append)
    assert tally.done == {"disconnect": 5, "put": 1}
    assert told[0] == "disconnect/0: KeyError: disconnect/0"
    assert tally.findings.kept[4].before == tuple(f"disconnect/{number}" for number in range(4))
    assert judged(tally).verdict is Verdict.FAIL


def test_what_a_sweep_consists_of():
    assert [case.id for case in cases_for((), 2, 3, 9)] == [
        case.id for case in cases_for((), 2, 3, 9)
    ]
    assert len(list(cases_for((), 2, 3, 9))) == 3
    assert next(iter(cases_for((), 1, 0, 1))).id == "authentication/0"
