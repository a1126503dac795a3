"""Feedback about states: what code coverage does not tell apart, as branches that do not exist.

A target that knows in which state the broker is says so with `observe_state`. That is nothing by
itself, so targets stay plain functions. A child process that fuzzes under atheris calls `install`
first, and then every state is a branch of its own: an input that reaches a new one is kept, although
it ran no new line.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

#: States that get a branch of their own; libFuzzer keeps one byte for each, and an input for each.
STATES_MAX: Final = 8_192

#: Who takes the states; nobody until `install`.
_observers: list[Callable[[int], None]] = []


def observe_state(key: int) -> None:
    """Note that the subject is in a state, or does nothing where nobody wants to know.

    Args:
        key: a number that is the same for the same state, in every process.
    """
    for observe in _observers:
        observe(key)


def install() -> None:
    """Make every state a branch for atheris, from now on in this process."""
    native = import_module("atheris.native")  # it exists on some platforms only
    _observers[:] = [branches(native._reserve_counter, native._trace_branch)]  # noqa: SLF001


def branches(reserve: Callable[[], int], trace: Callable[[int], None]) -> Callable[[int], None]:
    """Return an observer that gives each state a branch when it is first seen.

    Args:
        reserve: returns the number of a new branch.
        trace: notes that a branch was taken.
    """
    known: dict[int, int] = {}

    def observe(key: int) -> None:
        branch = known.get(key)
        if branch is None:
            if len(known) >= STATES_MAX:
                return
            branch = known[key] = reserve()
        trace(branch)

    return observe
