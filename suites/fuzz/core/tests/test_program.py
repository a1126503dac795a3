from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.fuzz.core.program import (
    CLIENTS,
    INSTRUCTIONS_MAX,
    Instruction,
    Op,
    Program,
    decode,
    encode,
    listing,
)

OPERANDS = st.integers(0, 127)


def kept(op: Op, client: int, first: int, second: int, raw: bytes) -> Instruction:
    """Return an instruction with nothing in it that its bytes do not hold."""
    if op is Op.RAW:
        return Instruction(op, client, len(raw), 0, raw)
    return Instruction(op, client, first if op.operands else 0, second if op.operands > 1 else 0)


INSTRUCTIONS = st.builds(
    kept,
    st.sampled_from(Op),
    st.integers(0, CLIENTS - 1),
    OPERANDS,
    OPERANDS,
    st.binary(max_size=9),
)
PROGRAMS = st.builds(Program, OPERANDS, st.lists(INSTRUCTIONS, max_size=12).map(tuple))


@given(PROGRAMS)
def test_a_program_survives_its_bytes(program):
    assert decode(encode(program)) == program


@given(st.binary(max_size=300))
def test_any_bytes_are_a_program(data):
    program = decode(data)
    assert len(program.instructions) <= INSTRUCTIONS_MAX
    assert decode(encode(program)) == program
    assert len(listing(program)) == 1 + len(program.instructions)


@given(PROGRAMS.filter(lambda program: len(program.instructions) > 1), st.data())
def test_a_byte_more_changes_one_instruction(program, data):
    program = Program(program.start, tuple(i for i in program.instructions if i.op is not Op.RAW))
    whole = encode(program)
    place = data.draw(st.integers(1, len(whole)))
    changed = decode(whole[:place] + b"\x05" + whole[place:])
    differing = [
        a for a, b in zip(changed.instructions, program.instructions, strict=True) if a != b
    ]
    assert len(differing) <= 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Program(0, ())),
        (b"\x05\x06\x07", Program(5, ())),
        (b"\x80", Program(0, (Instruction(Op.CONNECT),))),
        (b"\x00\xa6\x01", Program(0, (Instruction(Op.POST, 1, 1),))),
        (b"\x00\xe1\x02", Program(0, (Instruction(Op.NEGOTIATE, 0, 2),))),
        (b"\x00\x94\x03ab", Program(0, (Instruction(Op.RAW, 0, 2, 0, b"ab"),))),
    ],
)
def test_bytes(data, expected):
    assert decode(data) == expected


def test_a_listing_says_what_happens():
    program = Program(2, (Instruction(Op.POST, 1, 4, 5), Instruction(Op.RAW, 0, 1, 0, b"\xff")))
    assert listing(program) == ["start 2", "client 1: post 4 5", "client 0: raw 1 ff"]
