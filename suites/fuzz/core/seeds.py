"""Programs to begin with: one for each thing that sessions and queues are there for."""

from __future__ import annotations

from typing import Final

from suites.fuzz.core.posts import Kind
from suites.fuzz.core.program import Instruction, Op, Program, encode

_READ: Final = 2 << 4
_WRITE: Final = 1 << 4


def _post(client: int, count: int = 1, kind: Kind = Kind.PLAIN, queue_id: int = 0) -> Instruction:
    return Instruction(Op.POST, client, queue_id | count - 1 << 2, kind)


def _confirm(client: int, count: int = 1, index: int = 0, how: int = 0) -> Instruction:
    return Instruction(Op.CONFIRM, client, how | count - 1 << 3, index)


_HANG_UP: Final = Instruction(Op.HANG_UP, 1)
_COME: Final = (Instruction(Op.CONNECT, 1), Instruction(Op.NEGOTIATE, 1))
_JOIN: Final = Instruction(Op.JOIN)

#: By name: the start, and what happens then.
_PROGRAMS: Final[dict[str, tuple[int, tuple[Instruction, ...]]]] = {
    "nothing": (0, ()),
    "whole_session": (
        0,
        (
            Instruction(Op.CONNECT),
            Instruction(Op.AUTHENTICATE, 0, 0),
            Instruction(Op.NEGOTIATE),
            Instruction(Op.OPEN, 0, 0, 0),
            Instruction(Op.CONFIGURE, 0, 0, 0),
            _post(0, 3),
            _confirm(0, 3),
            Instruction(Op.BEAT, 0, 1),
            Instruction(Op.CLOSE, 0, 0, 0),
            Instruction(Op.DISCONNECT),
        ),
    ),
    "renewed": (
        0,
        (
            Instruction(Op.CONNECT),
            Instruction(Op.AUTHENTICATE, 0, 4),
            Instruction(Op.WAIT, 0, 2),
            Instruction(Op.NEGOTIATE),
            Instruction(Op.AUTHENTICATE, 0, 4),
            Instruction(Op.WAIT, 0, 2),
        ),
    ),
    "requests_out_of_turn": (0, (Instruction(Op.CONNECT), Instruction(Op.OPEN, 0, 0, 0))),
    "two_opens_of_one_id": (1, (Instruction(Op.OPEN, 0, 0), Instruction(Op.OPEN, 0, 1))),
    "an_operator": (
        0,
        (
            Instruction(Op.CONNECT),
            Instruction(Op.NEGOTIATE, 0, 4),
            Instruction(Op.ADMIN, 0, 6),
            Instruction(Op.COMMAND, 0, 14),
        ),
    ),
    "confirmed": (2, (_post(0, 3), _confirm(1), _confirm(2))),
    "again": (2, (_post(0), _confirm(1), _confirm(2), _post(0, 1, Kind.AGAIN))),
    "lost_consumer": (2, (_post(0, 4), _HANG_UP)),
    "closed_consumer": (2, (_post(0, 4), Instruction(Op.CLOSE, 1, 0, 1))),
    "faults": (2, tuple(_post(0, 2, kind) for kind in Kind)),
    "together": (2, (_JOIN, _post(0, 2), _post(0, 2), _JOIN, _confirm(1), _HANG_UP)),
    "in_pieces": (2, (Instruction(Op.CUT, 0, 20), _post(0), Instruction(Op.BEAT, 0, 1))),
    "flow": (2, (Instruction(Op.CONFIGURE, 2, 0, 4), _post(0, 8), _confirm(1), _confirm(1, 4))),
    "late_sync": (3, (Instruction(Op.STORAGE), _post(0, 2), Instruction(Op.STORAGE, 0, 3))),
    "power_loss": (3, (Instruction(Op.STORAGE), _post(0, 2), Instruction(Op.RESTART, 0, 1))),
    "failed_write": (3, (Instruction(Op.STORAGE, 0, 7), _post(0, 2))),
    "killed": (3, (_post(0, 4), _confirm(1), Instruction(Op.RESTART))),
    "stopped": (3, (_post(0, 2), Instruction(Op.RESTART, 0, 3))),
    "apps": (4, (_post(0, 3), _confirm(1, 2), _confirm(2), Instruction(Op.RESTART))),
    "broadcast": (5, (_post(0, 2), Instruction(Op.CONGEST, 1), _post(0), Instruction(Op.DRAIN, 1))),
    "full": (6, (_post(0, 4), _confirm(0, 2), _post(0, 2), _post(1, 4))),
    "old_age": (6, (_post(2, 3), Instruction(Op.WAIT, 0, 5))),
    "stored_before": (7, (Instruction(Op.OPEN, 1, 1 | _READ), Instruction(Op.CONFIGURE, 1, 0, 2))),
    "slow_reads": (
        7,
        (
            Instruction(Op.STORAGE, 0, 1),
            Instruction(Op.OPEN, 1, 2 | _READ),
            Instruction(Op.CONFIGURE, 1),
            Instruction(Op.STORAGE, 0, 4),
        ),
    ),
    "poison": (
        1,
        (
            Instruction(Op.OPEN, 0, 7 | _WRITE),
            _post(0),
            *(Instruction(Op.OPEN, 1, 7 | _READ), Instruction(Op.CONFIGURE, 1), _HANG_UP, *_COME)
            * 2,
        ),
    ),
    "silence": (2, (_post(0), Instruction(Op.WAIT, 0, 6), Instruction(Op.WAIT, 0, 7))),
}


def core_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_core`, by name."""
    return {name: encode(Program(*program)) for name, program in _PROGRAMS.items()}
