"""Compact sorted sets of ordinals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reference_broker.queue.ordinals import OrdinalSet

_ordinals = st.integers(0, 3_000)
_actions = st.lists(
    st.tuples(st.sampled_from(["add", "discard", "discard_below"]), _ordinals), max_size=60
)


@given(actions=_actions, start=_ordinals, count=st.integers(0, 20))
def test_it_is_a_sorted_set(actions: list[tuple[str, int]], start: int, count: int):
    real, model = OrdinalSet(), set[int]()
    for action, ordinal in actions:
        if action == "add":
            real.add(ordinal)
            model.add(ordinal)
        elif action == "discard":
            assert real.discard(ordinal) is (ordinal in model)
            model.discard(ordinal)
        else:
            real.discard_below(ordinal)
            model = {known for known in model if known >= ordinal}
        assert len(real) == len(model)
    from_start = sorted(ordinal for ordinal in model if ordinal >= start)
    assert real.all() == sorted(model)
    assert real.take(start, count) == from_start[:count]
    assert real.first(start) == (from_start[0] if from_start else None)
    assert [ordinal in real for ordinal in range(start, start + 30)] == [
        ordinal in model for ordinal in range(start, start + 30)
    ]


def test_it_keeps_nothing_of_what_is_gone():
    ordinals = OrdinalSet(range(10_000))
    ordinals.discard_below(9_999)
    assert (len(ordinals._masks), len(ordinals._ranges)) == (1, 1)
    assert ordinals.discard(9_999)
    assert (ordinals._masks, ordinals._ranges, len(ordinals)) == ({}, [], 0)


def test_it_can_be_emptied():
    ordinals = OrdinalSet([5, 5, 700])
    assert len(ordinals) == 2
    ordinals.clear()
    assert (ordinals.all(), ordinals.first(), len(ordinals)) == ([], None, 0)
