"""Parsers with a defect each, to be found by tests: as targets, and as parsers of other people."""

from __future__ import annotations


def parse(data: bytes) -> int:
    """Refuse what begins with `n`, and crash on a PUT event of more than one message."""
    if data[:1] == b"n":
        raise ValueError("refused")
    if len(data) > 60 and data[4:5] == b"\x42":
        table = {1: 1}
        return table[data[4]]
    return len(data)


def test_one_input(data: bytes) -> None:
    """Crash in two ways."""
    if data[:1] == b"k":
        raise KeyError(data[1:])
    if data[:1] == b"z":
        raise IndexError(len(data))
