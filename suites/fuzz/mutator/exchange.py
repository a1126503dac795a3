"""Crossover: a part of one tree in place of a part of another, or beside it."""

from __future__ import annotations

from typing import Final

from suites.fuzz.mutator import ber, json_text, tree
from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.edits import copied
from suites.fuzz.mutator.parsing import open_node
from suites.fuzz.mutator.tree import Node
from suites.fuzz.mutator.writing import written

_TAKEN_MAX: Final = 16
#: Fields that say what a body or data are; those of an event and of messages have different names.
_SAID: Final = ("type", "specific", "flags", "compression", "schema")
_BER_KINDS: Final = frozenset((tree.BER, tree.BER_TEXT))
_JSON_KINDS: Final = frozenset((tree.JSON, tree.JSON_TEXT))


def exchange(one: Node, other: Node, chance: Chance, *, may_grow: bool = True) -> None:
    """Change a node by a part of another one of the same kind, at any depth; it is repaired.

    Args:
        one: what is changed.
        other: what is read.
        chance: of the crossover.
        may_grow: whether parts may be added, and not only replaced.
    """
    while True:
        open_node(one)
        open_node(other)
        one.repair()
        pair = _pair(one, other, chance)
        if pair is None or chance.below(4) == 0:
            break
        one, other = pair
    if one.kind in _BER_KINDS:
        one.parts[0] = ber.exchanged(written(one.parts[0]), written(other.parts[0]), chance)
    elif one.kind in _JSON_KINDS:
        one.parts[0] = json_text.exchanged(written(one.parts[0]), written(other.parts[0]), chance)
    elif one.kind.size and chance.below(3) == 0:
        _exchange_field(one, other, chance)
    elif other.parts:
        _exchange_parts(one, other, chance, may_grow=may_grow)


def _pair(one: Node, other: Node, chance: Chance) -> tuple[Node, Node] | None:
    """Return a part of each that are of one kind, so that there is something to exchange below."""
    mine = [part for part in one.parts if isinstance(part, Node)]
    theirs = [part for part in other.parts if isinstance(part, Node)]
    if not mine or not theirs:
        return None
    first = chance.pick(mine)
    start = chance.below(len(theirs))
    for second in (*theirs[start:], *theirs[:start]):
        if second.kind is first.kind:
            return first, second
    return None


def _exchange_field(one: Node, other: Node, chance: Chance) -> None:
    field = chance.pick(one.kind.plain)
    one.head = field.put(one.head, field.read(other.head))


def _exchange_parts(one: Node, other: Node, chance: Chance, *, may_grow: bool) -> None:
    """Take one part or several; where places have a meaning, the one at the same place.

    What the header says of the part comes with it.
    """
    if one.kind not in tree.LISTS:
        index = chance.below(min(len(one.parts), len(other.parts)) or 1)
        if index < len(one.parts):
            one.parts[index] = copied(other.parts[index])
            for name in _SAID if index == len(one.parts) - 1 else ():
                if name in one.kind.by_name and name in other.kind.by_name:
                    one.set(name, other.get(name))
        return
    first = chance.below(len(other.parts))
    count = 1 + chance.below(min(_TAKEN_MAX, len(other.parts) - first))
    taken = [copied(part) for part in other.parts[first : first + count]]
    at = chance.below(len(one.parts) + 1)
    end = at if may_grow and chance.below(2) else min(len(one.parts), at + count)
    one.parts[at:end] = taken
