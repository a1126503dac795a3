"""Cases in this process: a real broker core, brought to the right state, and a bystander beside it.

For each case a copy of a broker whose attacker has come to the state is given the case's messages,
a second apart. Then must hold what must hold of `fuzz_broker_core`: nothing was raised, the answers
are whole events, the bystander is served, nothing is left of the attacker when it is gone, and the
log did not grow out of proportion. And it took little time of the processor.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Final

from suites.fuzz.core.copies import copying
from suites.fuzz.net.catalogue import Case
from suites.fuzz.net.kinds import steps_to
from suites.fuzz.oracles.broker_bench import ATTACKER, BrokerBench

#: What a case may use of the processor, in seconds; the slowest one needs some milliseconds.
CASE_SECONDS_MAX: Final = 5.0


class HangError(BaseException):
    """A case used too much time; no handler of errors in the broker stops it."""


def attempt(case: Case) -> str:
    """Run a case; returns what was wrong, as a stack; empty if nothing was.

    It is ended if it takes too long, where `bounded` says so.
    """
    is_bounded = signal.getsignal(signal.SIGPROF) is _hang
    try:
        if is_bounded:
            signal.setitimer(signal.ITIMER_PROF, CASE_SECONDS_MAX)
        _run(case)
    except HangError as error:
        return _stack(error)
    except Exception as error:  # noqa: BLE001 - whatever the broker raises is what is looked for
        return _stack(error)
    finally:
        if is_bounded:
            signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def _run(case: Case) -> None:
    bench = _maker(case.kind)()
    for message in case.messages:
        bench.attack(message)
    bench.check_harmless(sum(map(len, case.messages)))


@cache
def _maker(kind: str) -> Callable[[], BrokerBench]:
    return copying(lambda: _brought_to(kind))


def _brought_to(kind: str) -> BrokerBench:
    bench = BrokerBench()
    for step in steps_to(kind):
        bench.attack(step.data)
    bench.take_sent(ATTACKER)
    return bench


@contextmanager
def bounded() -> Iterator[None]:
    """Let each case that is attempted meanwhile raise a `HangError` when it takes too long.

    In the main thread only, as signals are.
    """
    before = signal.signal(signal.SIGPROF, _hang)
    try:
        yield
    finally:
        signal.signal(signal.SIGPROF, before)


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise HangError(f"more than {CASE_SECONDS_MAX:g} s of the processor for one case")


def _stack(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()
