"""From a case's outcome to its verdict.

| what happened to the case                        | verdict                               |
|--------------------------------------------------|---------------------------------------|
| it returned                                      | pass                                  |
| `non_strict`, `informational`, `not_applicable`  | that; but not strict is a failure of  |
|                                                  | a target that is known to be strict   |
| the target lacks what it needs, or a skip        | not applicable                        |
| the target could not be started or reached       | error once, not run for the rest      |
| the same, in a case that starts it again         | fail                                  |
| a target that is not ours to start ended in it   | error once, not run for the rest      |
| it could not be set up or cleaned up             | error                                 |
| anything else                                    | fail                                  |

A target of our own that ended in a case is started again, a few times: the case has its failure,
and the others are not its fault. Verdicts travel on pytest's reports, so that they come home from
the workers of a parallel run; that the target is lost travels by a file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from reference_broker.base import OperatorError
from suites.harness.report import Case, SuiteResult, Verdict
from suites.harness.target import Capability, Target, TargetError, TargetSpec
from suites.integration import options
from suites.integration.case import CaseInfo, Graded
from suites.integration.transcript import decode_talks, transcripts

SUITE: Final = "integration"
#: Worst first: what a case's cleaning up finds never hides what the case found.
_SEVERITY: Final = tuple(Verdict(name) for name in ("fail", "error", "not-run"))
#: Fixtures whose logs a failed case shows.
_TARGETS: Final = ("target", "fresh_target")
_ATTRIBUTE: Final = "gauntlet_case"
_REASON_CHARS_MAX: Final = 1_000
#: Beginnings of the lines in which pytest says where two collections differ.
_EXPLAINING: Final = ("At index ", "Left contains ", "Right contains ", "Extra items in ")
_DETAILS_CHARS_MAX: Final = 100_000
_LOG_CHARS_MAX: Final = 8_000
#: How often a process of the run starts the target again that a case has brought down.
_RESTARTS_MAX: Final = 3


class Properties(dict[str, str | float | int]):
    """Named facts that a case wants in its report."""


class RunState:
    """What one process of a run knows.

    Args:
        mark: a file that processes of the run share: it is there once the target is lost for all.

    Attributes:
        started_at: on the monotonic clock, seconds.
        restarts: how often the target was started again.
    """

    def __init__(self, mark: Path | None = None) -> None:
        self.started_at = time.monotonic()
        self.restarts = 0
        self._mark = mark
        self._lost = ""

    @property
    def lost(self) -> str:
        """Why the target is of no use any more; empty while it is."""
        if not self._lost and self._mark is not None and self._mark.exists():
            self._lost = self._mark.read_text()
        return self._lost

    def lose(self, reason: str, *, is_shared: bool) -> bool:
        """Note that the target is lost.

        Args:
            reason: one line.
            is_shared: whether other processes of the run have the same target.

        Returns:
            Whether nobody knew.
        """
        if self.lost:
            return False
        self._lost = reason
        if is_shared and self._mark is not None:
            own = self._mark.with_name(f"{self._mark.name}.{os.getpid()}")
            own.write_text(reason)
            try:
                os.link(own, self._mark)  # whole, and only if it is not there
            except FileExistsError:
                return False
        return True


properties_key: Final = pytest.StashKey[Properties]()
state_key: Final = pytest.StashKey[RunState]()


def judge(
    item: pytest.Item,
    info: CaseInfo,
    spec: TargetSpec,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
) -> None:
    """Put the verdict on a report, and let pytest's own summary agree with it."""
    verdict, reason = _verdict(item, info, spec, call)
    wants_talks = options.wants_talks(item.config)
    details = log = ""
    if verdict in {Verdict.FAIL, Verdict.ERROR}:
        details = _details(report, with_transcripts=not wants_talks)
        log = _logs(item)
        verdict, reason = _check_target(item, info, verdict, reason)
    case = Case(
        id=info.id,
        suite=SUITE,
        title=info.title,
        verdict=verdict,
        duration_s=max(call.duration, 0.0),
        statement=info.statement,
        proves=info.proves,
        expectation=info.expectation,
        reason=reason,
        details=details,
        log=log,
        talks=decode_talks(transcripts()) if wants_talks else (),
        replay=replay_command(spec, info.id),
        properties=dict(item.stash.get(properties_key, {})),
    )
    setattr(report, _ATTRIBUTE, msgspec.to_builtins(case))
    _show(report, case)


def replay_command(spec: TargetSpec, case_id: str) -> str:
    """Return the command that runs one case again."""
    return f"gauntlet {SUITE} {spec.arguments} --case {case_id}"


def _verdict(
    item: pytest.Item, info: CaseInfo, spec: TargetSpec, call: pytest.CallInfo[None]
) -> tuple[Verdict, str]:
    if call.excinfo is None:
        return Verdict.PASS, ""
    error = call.excinfo.value
    reason = _one_line(error)
    if isinstance(error, Graded):
        is_strict = info.grade == "should" and spec.text in info.expects_strict_from
        if error.verdict is Verdict.NON_STRICT and is_strict:
            return Verdict.FAIL, f"{reason}; target {spec.text} is known to be strict here"
        return error.verdict, reason
    if isinstance(error, pytest.skip.Exception):
        return Verdict.NOT_APPLICABLE, reason
    if isinstance(error, TargetError) and call.when != "call":
        state = item.config.stash[state_key]
        is_first = state.lose(reason, is_shared=spec.address is not None)
        return (Verdict.ERROR if is_first else Verdict.NOT_RUN), reason
    if isinstance(error, TargetError):
        return Verdict.FAIL, reason
    if call.when != "call" or isinstance(error, OperatorError):
        return Verdict.ERROR, f"{call.when}: {reason}"
    return Verdict.FAIL, reason


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = "; ".join(_telling(lines))[:_REASON_CHARS_MAX]
    if isinstance(error, AssertionError | Graded | OperatorError | pytest.skip.Exception):
        return text or type(error).__name__
    return f"{type(error).__name__}: {text}"


def _telling(lines: Sequence[str]) -> Iterator[str]:
    """Return the lines that say most; pytest explains an assertion on lines of its own."""
    yield from lines[:1]
    if lines and " " not in lines[0]:  # the name of what was looked at
        yield from (line for line in lines[1:2] if line.startswith("assert "))
    yield from [line for line in lines[1:] if line.startswith(_EXPLAINING)][:1]


def _check_target(
    item: pytest.Item, info: CaseInfo, verdict: Verdict, reason: str
) -> tuple[Verdict, str]:
    """See whether the case has brought the target down, and return its verdict in that light."""
    target = _fixtures(item).get("target")
    state = item.config.stash[state_key]
    if not isinstance(target, Target) or target.is_alive():
        return verdict, reason
    if Capability.LIFECYCLE not in target.capabilities:
        is_first = state.lose(f"the target no longer answers, since {info.id}", is_shared=True)
        # Not the first: it was gone already, so that this case has found nothing out.
        return (Verdict.ERROR if is_first else Verdict.NOT_RUN), f"{state.lost}: {reason}"
    if state.lost:
        return verdict, reason
    text = "the target no longer answered"
    state.restarts += 1
    if state.restarts > _RESTARTS_MAX:
        ends = f"the target ended {state.restarts} times, the last time in {info.id}"
        state.lose(ends, is_shared=False)
        return verdict, f"{reason}; {text}"
    try:
        target.renew()
    except TargetError as error:
        state.lose(_one_line(error), is_shared=False)
    return verdict, f"{reason}; {text}"


def _fixtures(item: pytest.Item) -> dict[str, Any]:
    fixtures: dict[str, Any] = getattr(item, "funcargs", {})
    return fixtures


def _details(report: pytest.TestReport, *, with_transcripts: bool) -> str:
    parts = [report.longreprtext]
    if with_transcripts:
        parts += [str(transcript) for transcript in transcripts()]
    return "\n\n".join(part for part in parts if part)[:_DETAILS_CHARS_MAX]


def _logs(item: pytest.Item) -> str:
    """Return the ends of the logs of the case's targets."""
    fixtures = _fixtures(item)
    parts = []
    for name in _TARGETS:
        target = fixtures.get(name)
        if isinstance(target, Target) and (tail := target.log_tail()):
            parts.append(f"log of {name}:\n{tail[-_LOG_CHARS_MAX:]}")
    return "\n\n".join(parts)


def _show(report: pytest.TestReport, case: Case) -> None:
    if case.verdict in {Verdict.NON_STRICT, Verdict.INFORMATIONAL}:
        report.outcome = "skipped"
        report.wasxfail = f"{case.verdict}: {case.reason}"
    elif case.verdict is Verdict.NOT_APPLICABLE:
        report.outcome = "skipped"
        report.longrepr = (str(report.fspath), 0, f"Skipped: {case.reason}")
    elif case.verdict.is_bad:
        report.sections.append(("case", f"{case.id}: {case.reason}\nreplay: {case.replay}"))


class Collector:
    """A plugin that gathers the verdicts of a run and writes them to a file.

    Args:
        path: where.
        notes: what a reader should know.
    """

    def __init__(self, path: Path, notes: tuple[str, ...]) -> None:
        self._path = path
        self._notes = notes
        self._started_at = time.monotonic()
        self._cases: dict[str, Case] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdict off a report, if there is one."""
        data = getattr(report, _ATTRIBUTE, None)
        if data is None:
            return
        case = msgspec.convert(data, Case)
        known = self._cases.get(case.id)
        if known is None or _rank(case) < _rank(known):
            self._cases[case.id] = case

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        result = SuiteResult(
            name=SUITE,
            cases=tuple(self._cases.values()),
            duration_s=time.monotonic() - self._started_at,
            notes=self._notes,
        )
        self._path.write_bytes(msgspec.json.encode(result))


def _rank(case: Case) -> int:
    return _SEVERITY.index(case.verdict) if case.verdict in _SEVERITY else len(_SEVERITY)
