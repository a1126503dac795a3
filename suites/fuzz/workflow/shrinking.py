"""The part of triage that runs in the child: which inputs crash alike, and the smallest of each kind.

A line of JSON for each stack:

::

    {"name": "crash-5f..", "alike": ["crash-5f..", "crash-81.."], "signature": "KeyError ...",
     "stack": "Traceback ...", "data": "7f000000", "executions": 31}
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

from suites.fuzz.run_target import signature, stack_of
from suites.fuzz.workflow.minimise import minimised

#: A candidate that takes longer is not what is looked for.
SECONDS_PER_CANDIDATE_MAX: Final = 6.0


class _TooLongError(BaseException):
    """An input takes too long; no target may catch it."""


def shrink_all(
    function: Callable[[bytes], None], inputs: Mapping[str, bytes], *, grammar: str
) -> Iterator[str]:
    """Yield a line for each kind of crash among inputs.

    Args:
        function: the target.
        inputs: by name; those that do not crash here are left out.
        grammar: what they are, for the mutator.
    """
    kinds: dict[tuple[str, ...], list[str]] = {}
    for name, data in inputs.items():
        found = signature_of(function, data)
        if found:
            kinds.setdefault(found, []).append(name)
    for wanted, names in kinds.items():
        first = min(names, key=lambda name: len(inputs[name]))

        def fails(data: bytes, wanted: tuple[str, ...] = wanted) -> bool:
            return signature_of(function, data) == wanted

        smallest, executions = minimised(inputs[first], fails, grammar=grammar)
        yield json.dumps(
            {
                "name": first,
                "alike": names,
                "signature": " ".join(wanted),
                "stack": stack_of(function, smallest),
                "data": smallest.hex(),
                "executions": executions,
            }
        )


def signature_of(function: Callable[[bytes], None], data: bytes) -> tuple[str, ...]:
    """Run a target once; returns the signature of its crash, or nothing.

    An input that takes too long has none of its own: it is not minimised.
    """
    try:
        with _bounded(SECONDS_PER_CANDIDATE_MAX):
            function(data)
    except _TooLongError:
        return ()
    except Exception as error:  # noqa: BLE001  whatever comes is the finding
        return signature(error)
    return ()


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Interrupt what takes too long, where the system can."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise _TooLongError
