"""The targets that a command line names: `puts`, `FUZZ-PUTS`, `all`, `my.module`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from suites.fuzz.registry import ALL, TARGETS, Target, find_target

EVERYTHING: Final = "all"
_PREFIX: Final = "FUZZ-"


def targets_named(names: Iterable[str]) -> tuple[Target, ...]:
    """Return the targets with some names, each once.

    A name is an id, a short name (`event-reader`, or `event_reader`), `all` for everything that
    must not crash, or the dotted name of a module with `test_one_input(data)`.

    Raises:
        OperatorError: there is no such target.
    """
    found: dict[str, Target] = {}
    for name in names:
        chosen = ALL if name == EVERYTHING else (_target_named(name),)
        found |= {target.id: target for target in chosen}
    return tuple(found.values())


def _target_named(name: str) -> Target:
    short = name.upper().replace("_", "-")
    return TARGETS.get(_PREFIX + short) or TARGETS.get(short) or find_target(name)
