"""Fault schedules: data, not code (DESIGN 3.3).

A schedule is a list of timed steps over named targets. It is what a run did to a broker, so it is
kept with the run, printed, written as JSON and read again.

| action     | target | parameters   | what it does                                                |
|------------|--------|--------------|-------------------------------------------------------------|
| black-hole | link   | `stream`     | swallow all bytes; connections stay open                    |
| cut        | link   |              | drop all connections and refuse new ones                    |
| reset-peer | link   | `timeout_ms` | reset each connection so long after its next byte           |
| heal       | link   |              | drop what is left of old connections; then all is as before |
| kill       | node   |              | end the broker as a crash would                             |
| restart    | node   |              | start it again with the same files                          |

A stream is `upstream`, from clients to the broker, or `downstream`; one alone is a one-way partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final, Self

import msgspec

from reference_broker.base import OperatorError

STEPS_MAX: Final = 1_000
SECONDS_MAX: Final = 86_400.0
PARAMETER_MAX: Final = 3_600_000

#: The names that steps use for the parts of a topology of one node.
PRODUCER_LINK: Final = "producers-broker"
CONSUMER_LINK: Final = "consumers-broker"
LINKS: Final = (PRODUCER_LINK, CONSUMER_LINK)
NODE: Final = "broker"

UPSTREAM: Final = "upstream"
DOWNSTREAM: Final = "downstream"
STREAMS: Final = (UPSTREAM, DOWNSTREAM)


class ScheduleError(OperatorError):
    """A schedule breaks a rule; the message names the step."""


class Action(StrEnum):
    """What a step does; see the table of the module."""

    BLACK_HOLE = "black-hole"
    CUT = "cut"
    RESET_PEER = "reset-peer"
    HEAL = "heal"
    KILL = "kill"
    RESTART = "restart"


#: Action to its parameters: the words, or the range of the number, that each may be.
PARAMETERS: Final[Mapping[Action, Mapping[str, tuple[str, ...] | range]]] = {
    Action.BLACK_HOLE: {"stream": STREAMS},
    Action.RESET_PEER: {"timeout_ms": range(PARAMETER_MAX + 1)},
}
#: What ends a fault: action to what makes it good.
CURES: Final[Mapping[Action, Action]] = {
    Action.BLACK_HOLE: Action.HEAL,
    Action.CUT: Action.HEAL,
    Action.RESET_PEER: Action.HEAL,
    Action.KILL: Action.RESTART,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fault, or its end.

    Attributes:
        at_s: when, in seconds since the load began.
        action: what is done.
        target: to which link or node.
        parameters: of the action; units are in their names.

    Raises:
        ScheduleError: the time or a parameter is not what it may be.
    """

    at_s: float
    action: Action
    target: str
    parameters: Mapping[str, int | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.at_s <= SECONDS_MAX:
            raise ScheduleError(f"{self}: at_s must be from 0 to {SECONDS_MAX:g}")
        known = PARAMETERS.get(self.action, {})
        if self.parameters.keys() != known.keys():
            raise ScheduleError(f"{self}: the parameters must be: {', '.join(known) or 'none'}")
        for name, value in self.parameters.items():
            allowed = known[name]
            if value not in allowed:
                words = f"from 0 to {PARAMETER_MAX}"
                if not isinstance(allowed, range):
                    words = f"one of {', '.join(allowed)}"
                raise ScheduleError(f"{self}: {name} must be {words}")

    def __str__(self) -> str:
        """Return a line for people: `1.5 s: reset-peer client-broker timeout_ms=0`."""
        settings = [f"{name}={value}" for name, value in sorted(self.parameters.items())]
        return " ".join([f"{self.at_s:g} s:", self.action, self.target, *settings])


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps in order.

    Attributes:
        name: for reports.
        steps: by time.

    Raises:
        ScheduleError: the steps are out of order or too many, or a fault is never over: a run can
            be judged only if everything works again in the end.
    """

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if len(self.steps) > STEPS_MAX:
            text = f"schedule {self.name!r} has {len(self.steps)} steps"
            raise ScheduleError(f"{text}; the limit is {STEPS_MAX}")
        for before, step in pairwise(self.steps):
            if step.at_s < before.at_s:
                raise ScheduleError(f"schedule {self.name!r}: '{step}' comes after '{before}'")
        awaited: dict[tuple[Action, str], Step] = {}
        for step in self.steps:
            awaited.pop((step.action, step.target), None)
            if step.action in CURES:
                awaited[CURES[step.action], step.target] = step
        for (cure, _), step in awaited.items():
            text = f"schedule {self.name!r}: no {cure} follows '{step}'"
            raise ScheduleError(f"{text}; add one")

    def to_json(self) -> bytes:
        """Return the schedule as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Return the schedule that `to_json` wrote.

        Raises:
            ScheduleError: it is none, or it breaks a rule.
        """
        try:
            return msgspec.json.decode(data, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ScheduleError(f"this is no schedule: {error}") from error

    def __str__(self) -> str:
        """Return the name and the steps in one line."""
        return f"{self.name}: {'; '.join(map(str, self.steps))}"


def black_hole(at_s: float, all_at_s: float, heal_at_s: float) -> Schedule:
    """Return the schedule in which a partition creeps in.

    Args:
        at_s: when what the broker says no longer reaches the producers, so that it stores and
            delivers messages and their acknowledgements are lost.
        all_at_s: when nothing gets through any more, anywhere.
        heal_at_s: when all is well again.
    """
    hole = Action.BLACK_HOLE
    holes = [
        Step(at_s=at_s, action=hole, target=PRODUCER_LINK, parameters={"stream": DOWNSTREAM}),
        Step(at_s=all_at_s, action=hole, target=PRODUCER_LINK, parameters={"stream": UPSTREAM}),
        *(
            Step(at_s=all_at_s, action=hole, target=CONSUMER_LINK, parameters={"stream": stream})
            for stream in STREAMS
        ),
    ]
    return Schedule("black hole", (*holes, *_on_all_links(Action.HEAL, heal_at_s)))


def cut(at_s: float, heal_at_s: float) -> Schedule:
    """Return the schedule in which all connections break and cannot be made for a while."""
    breaks = _on_all_links(Action.CUT, at_s)
    return Schedule("cut", breaks + _on_all_links(Action.HEAL, heal_at_s))


def crash(at_s: float, restart_at_s: float) -> Schedule:
    """Return the schedule that kills the broker once and starts it again."""
    steps = (
        Step(at_s=at_s, action=Action.KILL, target=NODE),
        Step(at_s=restart_at_s, action=Action.RESTART, target=NODE),
    )
    return Schedule("crash", steps)


def _on_all_links(action: Action, at_s: float) -> tuple[Step, ...]:
    return tuple(Step(at_s=at_s, action=action, target=link) for link in LINKS)
