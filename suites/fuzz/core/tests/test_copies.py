from __future__ import annotations

from dataclasses import dataclass, field

from reference_broker.config import Mode
from suites.fuzz.core.copies import copying


@dataclass(frozen=True, slots=True)
class Fixed:
    """Nobody changes it."""

    text: str = "fixed"


@dataclass(slots=True)
class Thing:
    """Something that changes."""

    fixed: Fixed = field(default_factory=Fixed)
    mode: Mode = Mode.FANOUT
    names: list[str] = field(default_factory=list)
    call: object = None


def test_copies_share_what_nobody_changes():
    made: list[Thing] = []

    def build() -> Thing:
        made.append(Thing())
        return made[-1]

    make = copying(build)
    one, other = make(), make()
    assert len(made) == 1
    assert one.fixed is other.fixed is made[0].fixed
    assert one.mode is Mode.FANOUT
    one.names.append("one")
    assert (other.names, made[0].names) == ([], [])


def test_what_cannot_be_copied_is_made_anew():
    made: list[Thing] = []

    def build() -> Thing:
        made.append(Thing(call=lambda: None))
        return made[-1]

    make = copying(build)
    assert make() is not make()
    assert len(made) == 3
