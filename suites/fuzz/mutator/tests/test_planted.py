from __future__ import annotations

from collections.abc import Callable

import pytest

from suites.fuzz.mutator import mutate
from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.tests import planted
from suites.fuzz.seeds.recorded import vectors

ROUNDS = 4000
STACKED = 3


def found(change: Callable[[bytes, int], bytes]) -> set[str]:
    """Return the defects that mutations of recorded events reach, without any coverage."""
    seeds = list(vectors().values())
    names = set()
    for number in range(ROUNDS):
        data = seeds[number % len(seeds)]
        for step in range(1 + number % STACKED):
            data = change(data, number * STACKED + step)
        try:
            planted.test_one_input(data)
        except planted.PlantedError as error:
            names.add(str(error))
    return names


def test_no_recorded_event_reaches_a_planted_defect():
    for data in vectors().values():
        planted.test_one_input(data)


@pytest.mark.slow
def test_structure_reaches_what_bytes_do_not():
    by_structure = found(lambda data, seed: mutate(data, 4096, seed))
    by_bytes = found(lambda data, seed: Chance(seed).scrambled(data))
    assert by_structure <= set(planted.NAMES)
    assert len(by_structure) >= 5
    assert len(by_bytes) <= 2
