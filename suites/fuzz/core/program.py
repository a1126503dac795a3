"""Programs: what clients of one broker do, one after the other, as bytes.

::

    PROGRAM     = [START] *INSTRUCTION        START: a byte below 80, from which state it starts
    INSTRUCTION = HEAD *OPERAND
    HEAD        = 1 c c o o o o o             cc: which client; ooooo: what it does, see `_HEADS`
    OPERAND     = 0 v v v v v v v             one that is missing is 0, one too many means nothing

Any bytes are a program. A byte that is inserted, lost or changed changes the instruction that it is
in and no other one, since heads and operands cannot be mistaken for each other: so what mutation
does to bytes is a small change of what happens. Only `RAW` is followed by bytes of any value, as
many as its operand says.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

#: Instructions of a program; what follows is not executed. It bounds the time of one execution.
INSTRUCTIONS_MAX: Final = 64
CLIENTS: Final = 3
OPERANDS_MAX: Final = 2
RAW_BYTES_MAX: Final = 127

_HEAD: Final = 0x80


class Op(Enum):
    """What an instruction does, and how many operands it reads."""

    CONNECT = ("connect", 0)
    NEGOTIATE = ("negotiate", 1)
    AUTHENTICATE = ("authenticate", 1)
    OPEN = ("open", 2)
    CONFIGURE = ("configure", 2)
    CLOSE = ("close", 2)
    POST = ("post", 2)
    CONFIRM = ("confirm", 2)
    REJECT = ("reject", 1)
    ADMIN = ("admin", 1)
    COMMAND = ("command", 1)
    DISCONNECT = ("disconnect", 0)
    HANG_UP = ("hang_up", 0)
    WAIT = ("wait", 1)
    BEAT = ("beat", 1)
    STORAGE = ("storage", 1)
    RESTART = ("restart", 1)
    CONGEST = ("congest", 0)
    DRAIN = ("drain", 0)
    CUT = ("cut", 1)
    RAW = ("raw", 1)
    SPOIL = ("spoil", 2)
    JOIN = ("join", 0)

    def __init__(self, verb: str, operands: int) -> None:
        self.verb = verb
        self.operands = operands


#: By the five bits; what is done most often has several numbers.
_HEADS: Final = (
    *Op, Op.POST, Op.CONFIRM, Op.OPEN, Op.CONFIGURE, Op.POST, Op.CONFIRM, Op.CLOSE, Op.HANG_UP, Op.WAIT,
)  # fmt: skip

assert len(_HEADS) == 32, len(_HEADS)


class Instruction(NamedTuple):
    """One thing that happens.

    Attributes:
        op: what.
        client: who does it, from 0; means nothing where nobody does.
        first: the first operand, 0 to 127.
        second: the second.
        raw: the bytes of `RAW`.
    """

    op: Op
    client: int = 0
    first: int = 0
    second: int = 0
    raw: bytes = b""


class Program(NamedTuple):
    """A program.

    Attributes:
        start: number of the state it starts from; any number will do.
        instructions: in order.
    """

    start: int
    instructions: tuple[Instruction, ...]


def decode(data: bytes) -> Program:
    """Return the program that bytes are; any bytes are one."""
    start = data[0] if data and data[0] < _HEAD else 0
    return Program(start, tuple(_instructions(data)))


def _instructions(data: bytes) -> Iterator[Instruction]:
    position, end = 0, len(data)
    for _ in range(INSTRUCTIONS_MAX):
        while position < end and data[position] < _HEAD:
            position += 1
        if position == end:
            return
        head = data[position]
        op = _HEADS[head & 31]
        position += 1
        operands = [0, 0]
        for index in range(op.operands):
            if position < end and data[position] < _HEAD:
                operands[index] = data[position]
                position += 1
        first, second = operands
        raw = b""
        if op is Op.RAW:
            raw = data[position : position + first]
            first = len(raw)
            position += first
        yield Instruction(op, (head >> 5 & 3) % CLIENTS, first, second, raw)


def encode(program: Program) -> bytes:
    """Return the bytes of a program, as short as they can be without losing an instruction."""
    assert 0 <= program.start < _HEAD, program
    return bytes([program.start]) + b"".join([_encoded(each) for each in program.instructions])


def _encoded(instruction: Instruction) -> bytes:
    op, client, first, second, raw = instruction
    head = _HEAD | client << 5 | _HEADS.index(op)
    if op is Op.RAW:
        assert len(raw) <= RAW_BYTES_MAX, len(raw)
        return bytes([head, len(raw)]) + raw
    return bytes([head, *(first, second)[: op.operands]])


def listing(program: Program) -> list[str]:
    """Return a program in words, a line for each instruction."""
    return [f"start {program.start}", *(_line(each) for each in program.instructions)]


def _line(instruction: Instruction) -> str:
    op, client, first, second, raw = instruction
    operands = [str(operand) for operand in (first, second)[: op.operands]]
    return " ".join([f"client {client}:", op.verb, *operands, *([raw.hex()] if raw else [])])
