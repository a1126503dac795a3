"""Reading files in steps: ask for bytes, get them, ask for more.

A pure engine cannot read a file. It says which part of which file it needs next, and is given it;
so it needs no more memory than one part at a time takes.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

#: What is needed next: the file's name, and (offset, length) of each part.
ReadRequest: TypeAlias = tuple[str, tuple[tuple[int, int], ...]]
#: A function that yields requests and is sent the bytes of their parts.
ReadSteps: TypeAlias = Generator[ReadRequest, tuple[bytes, ...], None]


class FileReading:
    """Something that reads files in steps.

    Args:
        steps: not begun yet.
    """

    def __init__(self, steps: ReadSteps) -> None:
        self._steps = steps
        self._request: ReadRequest | None = None
        self._is_begun = False

    def next_read(self) -> ReadRequest | None:
        """Return what to read next, and give to `feed`; None when all is read.

        Raises:
            OperatorError: what was found at the start cannot be used.
        """
        if not self._is_begun:
            self._is_begun = True
            self._request = next(self._steps, None)
        return self._request

    def feed(self, chunks: tuple[bytes, ...]) -> None:
        """Take the bytes of each part that `next_read` named.

        Raises:
            OperatorError: what was read cannot be used.
        """
        assert self._request is not None
        try:
            self._request = self._steps.send(chunks)
        except StopIteration:
            self._request = None
