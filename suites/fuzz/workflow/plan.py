"""Who runs when: targets share the time of a few processes fairly.

Each target gets the same time, and the processes are filled with it one after the other. What does
not fit in one process goes on in the next, so one target may have two processes for a while, or all
of them if it is alone; they share the folder of its corpus. With 3 targets and 2 processes of 60 s:

::

    process 0   puts 40 s        | acks 20 s
    process 1   acks 20 s | uri 40 s
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reference_broker.base import OperatorError
from suites.fuzz.registry import Target


class Piece(NamedTuple):
    """A time for which one process fuzzes one target.

    Attributes:
        target: which.
        seconds: how long, at least 1.
        number: of the pieces of a plan, from 0.
    """

    target: Target
    seconds: int
    number: int


def plan(targets: Sequence[Target], seconds: int, jobs: int) -> list[list[Piece]]:
    """Return what each of `jobs` processes does, one after the other.

    Args:
        targets: which, each once.
        seconds: of every process.
        jobs: processes at a time.

    Raises:
        OperatorError: there is less than a second for each target.
    """
    assert targets
    assert min(seconds, jobs) >= 1, (seconds, jobs)
    share = seconds * jobs / len(targets)
    if share < 1:
        raise OperatorError(
            f"{jobs} x {seconds} s are less than a second for each of {len(targets)} targets; "
            "give more --minutes or fewer targets"
        )
    lanes: list[list[Piece]] = [[] for _ in range(jobs)]
    number = 0
    for index, target in enumerate(targets):
        begin, end = index * share, (index + 1) * share
        for job in range(jobs):
            first, last = max(begin, job * seconds), min(end, (job + 1) * seconds)
            whole = round(last) - round(first)
            if whole >= 1:
                lanes[job].append(Piece(target, whole, number))
                number += 1
    return lanes
