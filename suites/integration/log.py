"""What a target that was started here has logged, for cases about what its operator reads."""

from __future__ import annotations

import re
import time
from typing import Final

from suites.harness.target import PRINTED_BELOW, Target
from suites.integration.raw import SilentError

#: How long a record may take that something has brought about already, in seconds.
_TIMEOUT_S: Final = 5.0
_LOOK_S: Final = 0.005
#: More than a target logs in one case.
_TAIL_BYTES: Final = 128 * 1024


def wait_for_log(target: Target, pattern: str, *, timeout_s: float = _TIMEOUT_S) -> str:
    """Wait until the end of the log matches a regular expression, and return that end.

    Args:
        target: that was started here; of another one we see no log.
        pattern: it should name something of the case's own, as cases share targets.
        timeout_s: how long to wait, seconds.

    Raises:
        SilentError: it does not come in time.
    """
    give_up = time.monotonic() + timeout_s
    while re.search(pattern, tail := log_of(target)) is None:
        if time.monotonic() >= give_up:
            raise SilentError(f"the log does not have {pattern!r} within {timeout_s} s")
        time.sleep(_LOOK_S)  # between two looks at a file; nobody tells when it grows
    return tail


def wait_for_alarm(target: Target, category: str, pattern: str, *, times: int = 1) -> str:
    """Wait for an alarm's first line, and return the end of the log; raises as `wait_for_log`.

    Args:
        target: see `wait_for_log`.
        category: a regular expression; the word in brackets matches it.
        pattern: what follows the brackets has a match in the line.
        times: how many alarms like that there are to be.
    """
    return wait_for_log(target, rf"(?:{_head(category)}[^\n]*?{pattern}[\s\S]*?){{{times}}}")


def alarms(target: Target, category: str, name: str) -> list[str]:
    """Return the first lines, from the brackets on, of the alarms at the end of the log.

    A broker repeats an alarm where it prints errors; what is returned are the records of the log.

    Args:
        target: see `wait_for_log`.
        category: see `wait_for_alarm`.
        name: of a queue or domain; the lines have it.
    """
    heads = re.finditer(rf"{_head(category)}([^\n]*)", log_of(target))
    return [head[0][head[0].index("[") :] for head in heads if name in head[1]]


def log_of(target: Target) -> str:
    """Return the end of the log, without what was printed where both are there."""
    return target.log_tail(_TAIL_BYTES).partition(PRINTED_BELOW)[0]


def _head(category: str) -> str:
    return rf"ERROR [^\n]*?(?:ALARM|PANIC) \[(?:{category})\] "
