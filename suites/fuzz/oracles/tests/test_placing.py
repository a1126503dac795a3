from __future__ import annotations

from collections.abc import Iterator

import pytest

from reference_broker.base import WireError
from suites.fuzz.oracles.placing import check_placing, unmoved


def bytes_of(buffer: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Read a body of positions and bytes, up to a zero."""
    for position in range(start, end):
        if not buffer[position]:
            raise WireError("body", 0, "no zero", position - start)
        yield position, buffer[position]


def moved(message: tuple[int, int], by: int) -> tuple[int, int]:
    return message[0] + by, message[1]


def test_a_right_reader_passes_and_its_messages_are_returned():
    assert check_placing(bytes_of, b"\1\2", moved) == [(0, 1), (1, 2)]
    assert check_placing(bytes_of, b"\1\0\2", moved) == [(0, 1)]
    assert check_placing(lambda *_: [5], b"", unmoved) == [5]


@pytest.mark.parametrize(
    "reader",
    [
        lambda buffer, start, end: bytes_of(buffer, start, min(end + 1, len(buffer))),
        lambda buffer, start, end: bytes_of(buffer, max(start - 1, 0), end),
        lambda buffer, _start, _end: [(0, buffer[-1])],
        lambda buffer, start, end: bytes_of(buffer[:start] + bytes(start > 0) + buffer, start, end),
    ],
    ids=["behind", "in front", "at the end", "beside"],
)
def test_a_reader_that_looks_elsewhere_is_found_out(reader):
    with pytest.raises(AssertionError, match="between other bytes"):
        check_placing(reader, b"\1\2", moved)


def test_a_rejection_outside_of_the_body_is_found_out():
    def reader(_buffer, start, end):
        raise WireError("body", 0, "nothing", end - start + 1)

    with pytest.raises(AssertionError, match="outside of 2 bytes"):
        check_placing(reader, b"\1\2", moved)
