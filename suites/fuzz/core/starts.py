"""Where programs start: states that are made once and copied for each execution.

| start | what is there                                                                        |
|-------|--------------------------------------------------------------------------------------|
| 0     | the bystander, and nobody else                                                       |
| 1     | three clients that have said who they are                                            |
| 2     | a producer and two consumers of the queue in memory                                  |
| 3     | the same of the queue whose acknowledgements wait for the disk                       |
| 4     | a producer, and a consumer for each app, of the fanout queue                         |
| 5     | a producer that reads as well, and two consumers, of the broadcast queue             |
| 6     | a client of each of the small queues, and one of the queue whose messages grow old   |
| 7     | a broker that was started again on what former clients have stored, and clients      |

Opening a session and a queue costs more than most of what a fuzzer tries afterwards, so states are
copied: see `copies`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from suites.fuzz.core import deeds
from suites.fuzz.core.copies import copying
from suites.fuzz.core.play import Play
from suites.fuzz.core.program import Instruction, Op, Program

_READ: Final = 2 << 4
_WRITE: Final = 1 << 4
_READ_BAR: Final = 3 << 4


def _in(*clients: int) -> tuple[Instruction, ...]:
    """Return how clients come in."""
    return tuple(Instruction(op, client) for client in clients for op in (Op.CONNECT, Op.NEGOTIATE))


def _with(client: int, queue: int, queue_id: int = 0) -> tuple[Instruction, ...]:
    """Return how a client opens a queue with an operand, to read it."""
    return (
        Instruction(Op.OPEN, client, queue, queue_id),
        Instruction(Op.CONFIGURE, client, queue_id, 2 if client else 0),
    )


def _group(queue: int) -> tuple[Instruction, ...]:
    """Return a producer, and two consumers of a queue."""
    producing = Instruction(Op.OPEN, 0, queue | _WRITE)
    return (*_in(0, 1, 2), producing, *_with(1, queue | _READ), *_with(2, queue | _READ))


_PROGRAMS: Final = (
    (),
    _in(0, 1, 2),
    _group(0),
    _group(1),
    (*_in(0, 1, 2), Instruction(Op.OPEN, 0, 2 | _WRITE), *_with(1, 2), *_with(2, 2 | _READ_BAR)),
    (*_in(0, 1, 2), *_with(0, 3), *_with(1, 3 | _READ), *_with(2, 3 | _READ)),
    (*_in(0, 1, 2), *_with(0, 5), *_with(1, 6), *_with(2, 4)),
    (
        *_in(0),
        Instruction(Op.OPEN, 0, 1 | _WRITE, 0),
        Instruction(Op.OPEN, 0, 2 | _WRITE, 1),
        Instruction(Op.POST, 0, 2 << 2),
        Instruction(Op.POST, 0, 2 << 2 | 1),
        Instruction(Op.RESTART),
        *_in(0, 1, 2),
        Instruction(Op.OPEN, 0, 1 | _WRITE, 0),
        Instruction(Op.OPEN, 0, 2 | _WRITE, 1),
    ),
)
STARTS: Final = len(_PROGRAMS)


def play_at(number: int) -> Play:
    """Return a play of its own in a state, by number; any number will do."""
    return _maker(number % STARTS)()


@lru_cache(maxsize=STARTS)
def _maker(number: int) -> Callable[[], Play]:
    return copying(lambda: _played(number))


def _played(number: int) -> Play:
    play = Play()
    deeds.perform(play, Program(0, _PROGRAMS[number]))
    return play
