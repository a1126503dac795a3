"""The sweep in this process: each case once, against a real broker core."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from suites.fuzz.net.catalogue import Case, all_cases, chosen, count_of, sample
from suites.fuzz.net.findings import finding_of
from suites.fuzz.net.inside import attempt, bounded
from suites.fuzz.net.judging import Tally, group_of
from suites.fuzz.net.kinds import KINDS
from suites.harness.report.text import one_line

SAMPLES_MAX: Final = 10_000_000
_TELL_SECONDS: Final = 2.0
#: Of what cases leave behind little is garbage that needs collecting, and states are not.
_GC_THRESHOLD: Final = 20_000

#: Is told how far the run is, in a line.
Tell = Callable[[str], None]


def cases_for(only: tuple[str, ...], depth: int, samples: int, seed: int) -> Iterable[Case]:
    """Return the cases of a sweep.

    Args:
        only: ids and kinds; none for all.
        depth: 1 for each change once, 2 for pairs of them.
        samples: pairs to draw.
        seed: of the draws.

    Raises:
        OperatorError: a case does not exist.
    """
    if only:
        return chosen(only)
    return all_cases() if depth == 1 else islice(sample(seed), samples)


def sweep(cases: Iterable[Case], tally: Tally, tell: Tell, *, is_whole: bool = False) -> None:
    """Run cases; what was done and found is in the tally afterwards.

    Args:
        cases: the cases.
        tally: of the run.
        tell: is told how far it is.
        is_whole: whether every kind is swept whole.
    """
    if is_whole:
        tally.due |= {kind: count_of(kind) for kind in KINDS}
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(_GC_THRESHOLD, *before[1:])
    try:
        with bounded():
            _run(cases, tally, tell)
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _run(cases: Iterable[Case], tally: Tally, tell: Tell) -> None:
    started = told_at = time.monotonic()
    cpu = time.process_time()
    last: list[str] = []
    for case in cases:
        if tally.findings.is_enough(case.kind):
            continue
        stack = attempt(case)
        tally.note_done(group_of(case.id))
        if stack:
            what = one_line(stack.splitlines()[-1])
            if tally.findings.add(finding_of(case, what, stack, last)):
                tell(f"{case.id}: {what}")
        last = [*last[-15:], case.id]
        now = time.monotonic()
        if now - told_at >= _TELL_SECONDS:
            told_at = now
            tell(_progress(tally, case, now - started))
    tally.seconds = time.monotonic() - started
    tally.properties["cpu_seconds"] = round(time.process_time() - cpu, 2)
    tally.properties["cases_per_s"] = round(tally.total / max(tally.seconds, 1e-9))


def _progress(tally: Tally, case: Case, seconds: float) -> str:
    rate = tally.total / seconds
    return f"{tally.total:,} cases, {rate:,.0f}/s, {tally.findings.count} findings, at {case.id}"
