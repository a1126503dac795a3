"""The numbered cases: every single change of the nine kinds, and pairs of changes.

| id                          | what it is                                                         |
|-----------------------------|--------------------------------------------------------------------|
| `open_queue/123`            | depth 1: change 123 of the message                                 |
| `open_queue/123~456`        | depth 2: the same, and a second change, drawn from the number 456  |
| `open_queue/123+put/7`      | depth 2: two messages of one session are changed, one each         |

Numbers are those of the distinct inputs of a kind, over all its forms, in a fixed order; they hold
as long as nobody changes the messages, the mutator or the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from random import Random
from typing import Final, NamedTuple

from reference_broker.base import OperatorError
from suites.fuzz.mutator import Mutation, labelled
from suites.fuzz.net.changes import changes
from suites.fuzz.net.kinds import KINDS, Step, steps_to

_ONE: Final = re.compile(r"([a-z_]+)/(\d{1,9})(?:~(\d{1,9}))?")
_DRAWS: Final = 10**9
#: Bytes of an input with two changes.
_BYTES_MAX: Final = 1 << 20
#: Cases that may be asked for by name in one run.
ONLY_MAX: Final = 1_000


class Case(NamedTuple):
    """A case: where the session is, and what it sends then.

    Attributes:
        id: see above.
        kind: of its first changed message.
        label: what was changed.
        messages: what the session sends when it is the kind's turn; changed ones, and right ones
            between two that are changed.
    """

    id: str
    kind: str
    label: str
    messages: tuple[bytes, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """What the session has sent before."""
        return steps_to(self.kind)


@cache
def _changes_of(kind: str) -> tuple[Mutation, ...]:
    """Return the distinct changes of a kind, which differ from its forms."""
    forms = KINDS[kind].forms
    seen = {b"", *forms}
    found: list[Mutation] = []
    for number, form in enumerate(forms):
        for data, label in changes(form, thorough=number == 0):
            if data not in seen:
                seen.add(data)
                found.append(Mutation(data, f"form {number}: {label}"))
    return tuple(found)


def count_of(kind: str) -> int:
    """Return how many cases of depth 1 a kind has."""
    return len(_changes_of(kind))


def cases_of(kind: str) -> Iterator[Case]:
    """Yield the cases of depth 1 of a kind."""
    for number, (data, label) in enumerate(_changes_of(kind)):
        yield Case(f"{kind}/{number}", kind, label, (data,))


def all_cases() -> Iterator[Case]:
    """Yield the cases of depth 1 of all kinds."""
    for kind in KINDS:
        yield from cases_of(kind)


def sample(seed: int, start: int = 0) -> Iterator[Case]:
    """Yield cases of depth 2 without end: the same ones for the same seed.

    Args:
        seed: of the draws.
        start: how many to leave out.
    """
    number = start
    while True:
        yield _drawn(Random(f"{seed}:{number}"), is_one_message=number % 2 == 0)
        number += 1


def _drawn(random: Random, *, is_one_message: bool) -> Case:
    names = list(KINDS)
    first = random.randrange(len(names) if is_one_message else len(names) - 1)
    name = names[first]
    one = f"{name}/{random.randrange(count_of(name))}"
    if is_one_message:
        return find(f"{one}~{random.randrange(_DRAWS)}")
    other = names[random.randrange(first + 1, len(names))]
    return find(f"{one}+{other}/{random.randrange(count_of(other))}")


def find(case_id: str) -> Case:
    """Return a case by its id.

    Raises:
        OperatorError: there is no such case.
    """
    parts = [_part(text, case_id) for text in case_id.split("+", 1)]
    kind, mutation = parts[0]
    if len(parts) == 1:
        return Case(case_id, kind, mutation.label, (mutation.data,))
    other, second = parts[1]
    names = list(KINDS)
    if names.index(other) <= names.index(kind):
        raise OperatorError(f"case {case_id!r}: {other} does not come behind {kind} in a session")
    between = [KINDS[name].forms[0] for name in _between(kind, other)]
    label = f"{mutation.label}; then {other}: {second.label}"
    return Case(case_id, kind, label, (mutation.data, *between, second.data))


def _between(kind: str, other: str) -> list[str]:
    """Return the kinds whose right messages come between two that are changed."""
    names = list(KINDS)
    return [name for name in KINDS[other].way if names.index(name) > names.index(kind)]


def _part(text: str, case_id: str) -> tuple[str, Mutation]:
    match = _ONE.fullmatch(text)
    if match is None or match[1] not in KINDS:
        raise OperatorError(
            f"no case is called {case_id!r}; ids are like open_queue/123, and kinds are "
            f"{', '.join(KINDS)}"
        )
    kind, number = match[1], int(match[2])
    if number >= count_of(kind):
        raise OperatorError(
            f"no case is called {case_id!r}: {kind} has the numbers 0 to {count_of(kind) - 1}"
        )
    mutation = _changes_of(kind)[number]
    if match[3] is None:
        return kind, mutation
    second = labelled(mutation.data, int(match[3]), _BYTES_MAX)
    return kind, Mutation(second.data, f"{mutation.label}; and {second.label}")


def chosen(only: Sequence[str]) -> list[Case]:
    """Return the cases that a command line names: ids, or kinds for all of depth 1.

    Raises:
        OperatorError: there is none of a name, or more names than `ONLY_MAX`.
    """
    if len(only) > ONLY_MAX:
        raise OperatorError(
            f"{len(only)} cases are asked for by name, and at most {ONLY_MAX} can be"
        )
    found: list[Case] = []
    for name in only:
        found += cases_of(name) if name in KINDS else [find(name)]
    return found
