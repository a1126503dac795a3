"""Making an input smaller that crashes its target: parts of its structure go first, then bytes.

Delta debugging, bounded in executions and in time. Where the mutator knows the grammar, parts of
lists are left out, contents emptied, headers cleared and wrong lengths put right, with all that is
derived written anew; so an input is still a whole event when there is one message left in it. What
remains is done to bytes: chunks of them are left out, and then set to zero.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from suites.fuzz.mutator import knows, parse, write
from suites.fuzz.mutator.grammars import grammar_named
from suites.fuzz.mutator.tree import LISTS, Node

EXECUTIONS_MAX: Final = 20_000
SECONDS_MAX: Final = 20.0

_ROUNDS_MAX: Final = 4
#: Nodes of a tree that are looked at, as they are now.
_NODES_MAX: Final = 512


class _Spent(Exception):  # noqa: N818  it is no error
    """The bound is reached."""


class _Search:
    """The smallest input so far, and what may still be spent.

    Attributes:
        best: the input.
        executions: how often the target ran.
    """

    def __init__(
        self, data: bytes, fails: Callable[[bytes], bool], executions_max: int, deadline: float
    ) -> None:
        self.best = data
        self.executions = 0
        self._fails = fails
        self._executions_max = executions_max
        self._deadline = deadline
        self._tried: set[bytes] = {data}

    def accepts(self, data: bytes) -> bool:
        """Run the target on an input that is not longer; it becomes the best if it fails as well."""
        if len(data) > len(self.best) or data in self._tried:
            return data == self.best
        if self.executions >= self._executions_max or time.monotonic() >= self._deadline:
            raise _Spent
        self._tried.add(data)
        self.executions += 1
        if not self._fails(data):
            return False
        self.best = data
        return True


def minimised(
    data: bytes,
    fails: Callable[[bytes], bool],
    *,
    grammar: str = "",
    executions_max: int = EXECUTIONS_MAX,
    seconds_max: float = SECONDS_MAX,
) -> tuple[bytes, int]:
    """Return an input that fails like another one and is not longer.

    Args:
        data: the input; it fails.
        fails: tells whether an input fails in the same way.
        grammar: what the input is, of those that the mutator knows; empty for plain bytes.
        executions_max: how often `fails` is asked at most.
        seconds_max: after so long nothing more is tried.

    Returns:
        The input, and how often `fails` was asked.
    """
    search = _Search(data, fails, executions_max, time.monotonic() + seconds_max)
    try:
        for _ in range(_ROUNDS_MAX):
            before = search.best
            if knows(grammar):
                _shrink_structure(search, grammar)
            _leave_bytes_out(search)
            _clear_bytes(search)
            if search.best == before:
                break
    except _Spent:
        pass
    return search.best, search.executions


# Structure.


def _shrink_structure(search: _Search, grammar: str) -> None:
    size = grammar_named(grammar).prefix_bytes
    prefix = search.best[:size]
    if len(prefix) < size:
        return
    root = parse(search.best, grammar)
    for node in _nodes(root):
        for undo in _changes(node):
            if not search.accepts(prefix + write(root)):
                undo()


def _nodes(root: Node) -> Iterator[Node]:
    """Yield the nodes from the root on; what was taken out meanwhile is not looked at."""
    waiting = [root]
    for _ in range(_NODES_MAX):
        if not waiting:
            return
        node = waiting.pop()
        yield node
        waiting += [part for part in reversed(node.parts) if isinstance(part, Node)]


def _changes(node: Node) -> Iterator[Callable[[], None]]:
    """Make one change of a node after the other; yields what undoes it."""
    if node.kind in LISTS:
        yield from _fewer_parts(node)
    else:
        yield from _emptier_parts(node)
    if node.extra:
        extra, node.extra = node.extra, b""
        yield lambda: setattr(node, "extra", extra)
    if node.forced or node.padding is not None:
        wrong = node.forced, node.padding
        node.repair()
        yield lambda: _insist(node, *wrong)
    for field in node.kind.plain:
        head = node.head
        if field.read(head):
            node.head = field.put(head, 0)
            yield lambda head=head: setattr(node, "head", head)  # type: ignore[misc]


def _insist(node: Node, forced: dict[str, int] | None, padding: bytes | None) -> None:
    node.forced, node.padding = forced, padding


def _fewer_parts(node: Node) -> Iterator[Callable[[], None]]:
    size = len(node.parts)
    while size:
        start = 0
        while start < len(node.parts):
            parts = node.parts
            node.parts = parts[:start] + parts[start + size :]
            yield lambda parts=parts: setattr(node, "parts", parts)  # type: ignore[misc]
            if node.parts is parts:
                start += size
        size //= 2


def _emptier_parts(node: Node) -> Iterator[Callable[[], None]]:
    for index, whole in enumerate(node.parts):
        for shorter in _shorter(whole):
            if node.parts[index] is not whole or shorter == whole:
                break  # the last one was accepted, or there is nothing to leave out
            node.parts[index] = shorter
            yield lambda index=index, old=whole: node.parts.__setitem__(index, old)  # type: ignore[misc]


def _shorter(part: Node | bytes) -> Iterator[bytes]:
    """Yield what may take the place of a part: nothing, then more and more of its bytes."""
    yield b""
    if isinstance(part, bytes):
        size = 1
        while size < len(part):
            yield part[:size]
            size *= 2


# Bytes.


def _leave_bytes_out(search: _Search) -> None:
    size = len(search.best)
    while size:
        end = len(search.best)
        while end > 0:
            data = search.best
            start = max(0, end - size)
            search.accepts(data[:start] + data[end:])
            end = start
        size //= 2


def _clear_bytes(search: _Search) -> None:
    # A text stays one that can be read.
    filler = b"0" if search.best.isascii() and search.best.decode("ascii").isprintable() else b"\0"
    size = len(search.best)
    while size:
        for start in range(0, len(search.best), size):
            data = search.best
            count = len(data[start : start + size])
            search.accepts(data[:start] + filler * count + data[start + count :])
        size //= 2
