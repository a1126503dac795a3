"""Run the integration suite against one seeded defect, and note what turned red."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from reference_broker.base import OperatorError
from suites.harness.bound import bound
from suites.harness.defects import Defect
from suites.harness.report import Case, SuiteResult, Verdict
from suites.integration.kills import QUICKEST_MAX, Kill, area_of, by_area

#: Beyond its time to begin cases, a run may take this long to end the last one, in seconds.
_END_SECONDS_MAX: Final = 90
_RED: Final = frozenset({Verdict.FAIL, Verdict.ERROR})
_TAIL_CHARS: Final = 2000


def measure(defect: Defect, cases: Sequence[str], seconds: float) -> list[Case]:
    """Run cases against the reference broker with a defect, and return what came of them.

    Where a case brings the broker down, the ones behind it run against a new one.

    Args:
        defect: to seed.
        cases: ids.
        seconds: begin no case later than this.

    Raises:
        OperatorError: the suite left no result.
    """
    found: dict[str, Case] = {}
    left = list(cases)
    give_up = time.monotonic() + seconds
    while left and (time_left := give_up - time.monotonic()) > 0:
        found.update({case.id: case for case in _run(defect, left, time_left)})
        before, left = left, [each for each in left if found[each].verdict is Verdict.NOT_RUN]
        if left == before:
            break
    return list(found.values())


def _run(defect: Defect, cases: Sequence[str], seconds: float) -> Sequence[Case]:
    """Run cases once."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-score-") as folder:
        result, log = Path(folder) / "result.json", Path(folder) / "log"
        command = [sys.executable, "-m", "suites.integration", "--break", defect.name]
        command += ["--result", str(result), "--seconds", str(seconds)]
        command += [f"--case={case_id}" for case_id in cases]
        with log.open("wb") as output:
            process = subprocess.Popen(
                bound(command, signal.SIGTERM, is_awaited_here=True),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            _await(process, seconds + _END_SECONDS_MAX)
        try:
            return msgspec.json.decode(result.read_bytes(), type=SuiteResult).cases
        except (OSError, msgspec.MsgspecError) as error:
            tail = log.read_text(errors="replace")[-_TAIL_CHARS:]
            raise OperatorError(f"{defect.name}: no result ({error})\n{tail}") from error


def _await(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def merged(before: Kill | None, cases: Sequence[Case]) -> Kill:
    """Return what is known of a defect after one more run.

    The run says the last word of the cases that it came to. An area counts as measured once a run
    came to all of its cases.

    Args:
        before: what was known.
        cases: what came of the run.
    """
    ran = {case.id for case in cases if case.verdict is not Verdict.NOT_RUN}
    red = {case.id: case.duration_s for case in cases if case.verdict in _RED}
    missed = {area_of(case.id) for case in cases if case.id not in ran}
    areas = {area_of(case_id) for case_id in ran} - missed
    kept = [case_id for case_id in before.ids if case_id not in ran] if before else []
    quickest = sorted(red, key=lambda case_id: (round(red[case_id], 1), case_id))
    seconds = round(min(red.values()), 2) if red else 0.0
    if before is not None and kept:
        seconds = min(before.seconds, seconds) if red else before.seconds
        quickest = [*quickest, *(each for each in before.quickest if each in kept)]
    return Kill(
        areas=tuple(sorted(areas | set(before.areas if before else ()))),
        seconds=seconds,
        quickest=tuple(quickest[:QUICKEST_MAX]),
        cases=by_area([*kept, *red]),
    )
