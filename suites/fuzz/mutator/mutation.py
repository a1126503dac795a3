"""Mutation of inputs that have a grammar: the functions that fuzzers call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from suites.fuzz.mutator import exchange
from suites.fuzz.mutator.breaks import break_one, enumerate_node
from suites.fuzz.mutator.chance import Chance, MutateBytes
from suites.fuzz.mutator.edits import Work, edit
from suites.fuzz.mutator.grammars import grammar_named
from suites.fuzz.mutator.parsing import open_all
from suites.fuzz.mutator.tree import Node
from suites.fuzz.mutator.writing import write

STREAM: Final = "stream"
#: Of 32 mutations so many change bytes, and so many break one thing; the others edit the tree.
_BYTES_OF_32: Final = 5
_BREAKS_OF_32: Final = 8
_PREFIX_OF: Final = 24
#: Longer inputs grow only one time of so many: they are slow, and seldom tell more than short ones.
_LONG_BYTES: Final = 160
_GROWTH_OF: Final = 16
_NODES_MAX: Final = 2_000


class Mutation(NamedTuple):
    """A changed input.

    Attributes:
        data: the input.
        label: what was done to it: `break put.message_words +1`, `set confirm.queue_id`.
    """

    data: bytes
    label: str


def parse(data: bytes, grammar: str = STREAM) -> Node:
    """Return the tree of an input, open everywhere.

    Raises:
        OperatorError: there is no such grammar.
    """
    root = grammar_named(grammar).root(data)
    open_all(root)
    return root


def mutate(
    data: bytes,
    max_size: int,
    seed: int,
    *,
    grammar: str = STREAM,
    mutate_bytes: MutateBytes | None = None,
) -> bytes:
    """Return a changed input, for any input.

    Args:
        data: the input.
        max_size: bytes that the result has at most.
        seed: of every choice; the same arguments give the same result.
        grammar: what the input is, see `grammars`.
        mutate_bytes: changes bytes without structure, in payloads, texts and now and then the whole
            input; by default a pure function of this package.

    Raises:
        OperatorError: there is no such grammar.
    """
    return labelled(data, seed, max_size, grammar=grammar, mutate_bytes=mutate_bytes).data


def labelled(
    data: bytes,
    seed: int,
    max_size: int = 1 << 20,
    *,
    grammar: str = STREAM,
    mutate_bytes: MutateBytes | None = None,
) -> Mutation:
    """Return what `mutate` returns, and what was done.

    Raises:
        OperatorError: there is no such grammar.
    """
    chance = Chance(seed, mutate_bytes)
    chosen = grammar_named(grammar)
    size = chosen.prefix_bytes
    prefix = data[:size]
    if size and chance.below(_PREFIX_OF) == 0:
        prefix = chance.scrambled(prefix)[:size].ljust(size, b"\0")
        return Mutation((prefix + data[size:])[:max_size], "mutate prefix")
    prefix = prefix.ljust(size, b"\0")
    roll = chance.below(32)
    root = chosen.root(data)
    room = max_size - size
    if room > 0 and roll >= _BYTES_OF_32:
        may_grow = len(data) < _LONG_BYTES or chance.below(_GROWTH_OF) == 0
        work = Work(chance, root, room, may_grow=may_grow)
        is_break = roll < _BYTES_OF_32 + _BREAKS_OF_32
        label = break_one(root, work) if is_break else ""
        label = label or edit(root, work)
        new = prefix + write(root)
        if len(new) <= max_size:
            return Mutation(new, label)
    return Mutation(chance.mutated(data, max_size), "mutate bytes")


def crossover(
    one: bytes,
    other: bytes,
    max_size: int,
    seed: int,
    *,
    grammar: str = STREAM,
) -> bytes:
    """Return the first input with a part of the second one in it, for any inputs.

    Args:
        one: the input that most is kept of.
        other: the input that a part is taken of.
        max_size: bytes that the result has at most.
        seed: of every choice; the same arguments give the same result.
        grammar: what both inputs are.

    Raises:
        OperatorError: there is no such grammar.
    """
    chance = Chance(seed)
    chosen = grammar_named(grammar)
    size = chosen.prefix_bytes
    first, second = chosen.root(one), chosen.root(other)
    if first.kind is second.kind and chance.below(8):
        exchange.exchange(first, second, chance, may_grow=len(one) < _LONG_BYTES)
        new = one[:size] + write(first)
        if len(new) <= max_size:
            return new
    cut, joint = chance.below(len(one) + 1), chance.below(len(other) + 1)
    return (one[:cut] + other[joint:])[:max_size]


def mutations(data: bytes, *, grammar: str = STREAM, thorough: bool = False) -> Iterator[Mutation]:
    """Yield the input with each one thing changed or broken once, in a fixed order.

    For every header each field takes the values at which comparisons go wrong, derived ones with all
    else left right; paddings are replaced; elements of BER and values of JSON are changed, broken
    and cut; parts of lists are deleted, doubled and swapped; data are emptied and lengthened. Labels
    are unique and end with the place.

    Args:
        data: the input; well-formed, or the mutations have its faults as well.
        grammar: what it is.
        thorough: whether fields take about 150 values instead of 15.

    Raises:
        OperatorError: there is no such grammar.
    """
    prefix = data[: grammar_named(grammar).prefix_bytes]
    root = parse(data, grammar)
    for node, parent, place in _nodes(root):
        for label, new in enumerate_node(root, node, parent, place, thorough=thorough):
            yield Mutation(prefix + new, label)


def describe(data: bytes, grammar: str = STREAM) -> list[str]:
    """Return a line for each node of an input: its place, and what is wrong in it.

    Raises:
        OperatorError: there is no such grammar.
    """
    lines = []
    for node, _, place in _nodes(parse(data, grammar)):
        wrong = [f"{name} = {value:#x}" for name, value in (node.forced or {}).items()]
        if node.padding is not None:
            wrong.append(f"padding {node.padding.hex() or 'none'}")
        said = f": wrong {', '.join(wrong)}" if wrong else ""
        lines.append(f"{node.kind.name}{place}{said}")
    return lines


def _nodes(root: Node) -> list[tuple[Node, Node | None, str]]:
    """Return every node of an open tree with the node above it and its place, from the root on."""
    found: list[tuple[Node, Node | None, str]] = [(root, None, "")]
    for node, _, place in found:
        for index, part in enumerate(node.parts):
            if isinstance(part, Node) and len(found) < _NODES_MAX:
                is_alone = len(node.parts) == 1 and not part.kind.size
                here = place if is_alone else f"{place}/{part.kind.name}[{index}]"
                found.append((part, node, here if here.startswith(" ") else f" @ {here[1:]}"))
    return found
