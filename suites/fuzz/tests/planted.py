"""An input that begins with the byte 7f and has 3 more crashes: a defect to be found by tests."""

from __future__ import annotations


def test_one_input(data: bytes) -> None:
    if len(data) > 3 and data[0] == 0x7F:
        table = {1: "one"}
        table[data[0]]
