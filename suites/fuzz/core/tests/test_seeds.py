from __future__ import annotations

import pytest

from suites.fuzz.core.program import Op, decode
from suites.fuzz.core.seeds import core_seeds
from suites.fuzz.targets import fuzz_core

SEEDS = core_seeds()


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_are_clean(name):
    fuzz_core.test_one_input(SEEDS[name])


def test_seeds_use_every_instruction_that_has_a_meaning():
    used = {each.op for data in SEEDS.values() for each in decode(data).instructions}
    assert set(Op) - used == {Op.RAW, Op.SPOIL, Op.REJECT}
