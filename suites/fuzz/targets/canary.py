"""An input that begins with `BMQ!` crashes: a harness that does not find it sees nothing.

Guessing 4 bytes at random takes 4 billion executions. Only a fuzzer that is told about each branch
finds them one by one, within some hundred thousand; so the crash proves that inputs arrive, that
coverage comes back, and that a crash is noticed.
"""

from __future__ import annotations

from typing import Final

MAGIC: Final = b"BMQ!"


class CanaryError(Exception):
    """The crash that is expected."""


def test_one_input(data: bytes) -> None:
    """Crash on the magic prefix, one branch per byte.

    Raises:
        CanaryError: the prefix is there.
    """
    if len(data) < len(MAGIC) or data[0] != MAGIC[0]:
        return
    if data[1] != MAGIC[1]:
        return
    if data[2] != MAGIC[2]:
        return
    if data[3] == MAGIC[3]:
        raise CanaryError("the canary crashed, as it must")
