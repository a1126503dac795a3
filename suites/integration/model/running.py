"""Rounds of the machine: until the time is over, or something is wrong and the program is short."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from suites.integration.model.driver import Driver
from suites.integration.model.machine import machine_for

#: How long a failing program may be made shorter, in seconds.
SHRINK_S: Final = 20.0
_ROUNDS_MAX: Final = 1_000_000


class Profile(NamedTuple):
    """How much the machine does.

    Attributes:
        examples: programs of a round.
        steps: acts of a program.
    """

    examples: int
    steps: int


#: By name; the conftest of the project has Hypothesis profiles of the same names.
PROFILES: Final = MappingProxyType(
    {"dev": Profile(100, 40), "ci": Profile(60, 40), "nightly": Profile(500, 80)}
)


class Failure(NamedTuple):
    """What the machine has found.

    Attributes:
        program: the acts, one a line.
        error: what is wrong.
        seed: of the round that found it.
        found_s: after how long, seconds.
    """

    program: tuple[str, ...]
    error: str
    seed: int
    found_s: float


class Outcome(NamedTuple):
    """What the machine has done.

    Attributes:
        programs: that were run.
        steps: acts of all of them.
        seconds: that it took.
        failure: what was found, if anything.
    """

    programs: int
    steps: int
    seconds: float
    failure: Failure | None


class _Over(KeyboardInterrupt):
    """Time is over: Hypothesis lets go of everything, as for Ctrl-C."""


class Recorder:
    """Keeps the acts of the program that runs, and the shortest of those that failed.

    Args:
        give_up_at: when to stop, by the monotonic clock.
        shrink_s: how much longer if a failure was found, seconds.
    """

    def __init__(self, give_up_at: float, shrink_s: float = SHRINK_S) -> None:
        self._give_up_at = give_up_at
        self._shrink_s = shrink_s
        self._acts: list[str] = []
        self.programs = 0
        self.steps = 0
        self.first_failed_at: float | None = None
        self.shortest: tuple[tuple[str, ...], str] | None = None

    def step(self, text: str) -> None:
        """See `Watcher`."""
        if time.monotonic() > self._give_up_at:
            raise _Over
        if text.startswith("state.begin("):
            self.programs += 1
            self._acts = []
        self.steps += 1
        self._acts.append(text)

    def failed(self, error: Exception) -> None:
        """See `Watcher`."""
        if self.first_failed_at is None:
            self.first_failed_at = time.monotonic()
            self._give_up_at = self.first_failed_at + self._shrink_s
        words = f"{type(error).__name__}: {error}"
        if self.shortest is None or _weight(self._acts) < _weight(self.shortest[0]):
            self.shortest = (tuple(self._acts), words)


def _weight(acts: Sequence[str]) -> tuple[int, int]:
    return len(acts), sum(map(len, acts))


def run(
    new_driver: Callable[[], Driver],
    *,
    seconds: float,
    first_seed: int,
    profile: str = "dev",
    shrink_s: float = SHRINK_S,
    rounds: int = _ROUNDS_MAX,
) -> Outcome:
    """Run rounds of the machine, each with the next seed.

    Args:
        new_driver: makes the broker.
        seconds: after which to stop.
        first_seed: of the first round.
        profile: of `PROFILES`.
        shrink_s: how long a failing program may be made shorter, seconds.
        rounds: after so many it stops as well.
    """
    began = time.monotonic()
    recorder = Recorder(began + seconds, shrink_s)
    machine = machine_for(new_driver, recorder)
    examples, steps = PROFILES[profile]
    number = first_seed
    try:
        while recorder.shortest is None and number < first_seed + rounds:
            rules = settings(
                max_examples=examples,
                stateful_step_count=steps,
                database=None,
                deadline=None,
                derandomize=False,
                report_multiple_bugs=False,
                print_blob=False,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )
            run_state_machine_as_test(seed(number)(machine), settings=rules)
            number += 1
    except _Over:
        pass
    except Exception:
        if recorder.shortest is None:
            raise
    failure = None
    if recorder.shortest is not None:
        assert recorder.first_failed_at is not None
        program, error = recorder.shortest
        failure = Failure(program, error, number, recorder.first_failed_at - began)
    taken = time.monotonic() - began
    return Outcome(recorder.programs, recorder.steps, taken, failure)
