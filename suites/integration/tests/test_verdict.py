"""Verdicts in the light of what became of the target."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from suites.harness.report import Verdict
from suites.harness.target import Target, TargetError, TargetSpec
from suites.integration.case import CaseInfo
from suites.integration.verdict import RunState, _check_target, _verdict, state_key

INFO = CaseInfo(id="BMQ-SELFTEST-9", title="t", statement="s", expectation="e")
OURS = TargetSpec.parse("reference")
OTHERS = TargetSpec.parse("external:127.0.0.1:1")


class FakeTarget(Target):
    """A target that is dead, and that starts again as often as a test allows.

    Args:
        spec: of what it stands for.
        starts: how often it can be started.
    """

    def __init__(self, spec: TargetSpec, starts: int) -> None:
        super().__init__(spec)
        self.starts = starts
        self.is_up = False

    def is_alive(self) -> bool:
        return self.is_up

    def renew(self) -> None:
        if not self.starts:
            raise TargetError("it ends while starting")
        self.starts -= 1


def item_with(target: Target, mark: Path | None = None) -> Any:
    stash = pytest.Stash()
    stash[state_key] = RunState(mark)
    return SimpleNamespace(funcargs={"target": target}, config=SimpleNamespace(stash=stash))


def check(item: Any) -> tuple[Verdict, str]:
    return _check_target(item, INFO, Verdict.FAIL, "it broke")


def test_a_target_that_lives_changes_nothing():
    target = FakeTarget(OTHERS, 0)
    target.is_up = True
    item = item_with(target)
    assert check(item) == (Verdict.FAIL, "it broke")
    assert item.config.stash[state_key].lost == ""


def test_a_target_of_ours_is_started_again_a_few_times():
    target = FakeTarget(OURS, 10)
    item = item_with(target)
    for left in (9, 8, 7):
        assert check(item) == (Verdict.FAIL, "it broke; the target no longer answered")
        assert target.starts == left
        assert item.config.stash[state_key].lost == ""
    check(item)
    assert target.starts == 7
    assert "ended 4 times, the last time in BMQ-SELFTEST-9" in item.config.stash[state_key].lost


def test_a_target_of_ours_that_does_not_start_again_is_lost():
    item = item_with(FakeTarget(OURS, 0))
    assert check(item) == (Verdict.FAIL, "it broke; the target no longer answered")
    assert item.config.stash[state_key].lost == "it ends while starting"


def test_of_another_target_only_the_first_to_notice_reports_an_error(tmp_path: Path):
    first, second = (item_with(FakeTarget(OTHERS, 0), tmp_path / "lost") for _ in range(2))
    text = "the target no longer answers, since BMQ-SELFTEST-9: it broke"
    assert check(first) == (Verdict.ERROR, text)
    assert check(second) == (Verdict.NOT_RUN, text)


@pytest.mark.parametrize(("when", "verdict"), [("setup", Verdict.ERROR), ("call", Verdict.FAIL)])
def test_a_target_that_does_not_start_within_a_case_is_that_cases_failure(
    when: str, verdict: Verdict
):
    item = item_with(FakeTarget(OURS, 0))
    error = TargetError("it ends while starting")
    call: Any = SimpleNamespace(when=when, excinfo=SimpleNamespace(value=error))
    assert _verdict(item, INFO, OURS, call) == (verdict, "it ends while starting")
    assert bool(item.config.stash[state_key].lost) == (when == "setup")
