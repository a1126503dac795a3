"""The messages of a body do not depend on what lies around it.

A body is read twice: by itself, where reading behind its end is an error of Python's, and in the
middle of other bytes, where it is not. Both must give the same messages and the same rejection, so a
reader that looks in front of the body or behind it is found out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from reference_broker.base import WireError
from suites.fuzz.oracles.bodies import check_rejection

T = TypeVar("T")

#: What lies in front of the body and behind it: no padding, no small number, no ASCII.
_FENCE: Final = b"\xa5" * 24

#: Reads the messages between two indices of a buffer.
Read = Callable[[bytes, int, int], Iterable[T]]


def check_placing(read: Read[T], data: bytes, moved: Callable[[T, int], T]) -> list[T]:
    """Read a body by itself and between other bytes; returns its messages up to a rejection.

    Args:
        read: raises nothing but `WireError`.
        data: the body.
        moved: returns a message whose indices are that many bytes further on.

    Raises:
        AssertionError: it is not the same in both places.
        Exception: what `read` must not raise.
    """
    taken, error = _read(read, data, 0, len(data))
    start = len(_FENCE)
    between, other = _read(read, _FENCE + data + _FENCE, start, start + len(data))
    if error is not None:
        check_rejection(error, len(data))
    assert str(other) == str(error), f"by itself: {error}, between other bytes: {other}"
    expected = [moved(message, start) for message in taken]
    assert between == expected, f"by itself: {expected}, between other bytes: {between}"
    return taken


def unmoved(message: T, by: int) -> T:  # noqa: ARG001  it has no indices
    """Return a message that holds no indices."""
    return message


def _read(read: Read[T], buffer: bytes, start: int, end: int) -> tuple[list[T], WireError | None]:
    taken: list[T] = []
    try:
        taken += read(buffer, start, end)
    except WireError as error:
        return taken, error
    return taken, None
