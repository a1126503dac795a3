from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from suites.fuzz.mutator.chance import Chance


@given(st.integers(), st.integers(1, 1 << 20))
def test_choices_are_below_their_bound_and_follow_from_the_seed(seed, bound):
    one, other = Chance(seed), Chance(seed)
    choices = [one.below(bound) for _ in range(8)]
    assert all(0 <= choice < bound for choice in choices)
    assert choices == [other.below(bound) for _ in range(8)]


def test_neighbouring_seeds_choose_differently_and_evenly():
    counts = [0] * 8
    for seed in range(4000):
        counts[Chance(seed).below(8)] += 1
    assert min(counts) > 400, counts


@given(
    st.integers(),
    st.integers(1, 128).flatmap(lambda b: st.tuples(st.just(b), st.integers(0, (1 << b) - 1))),
)
def test_a_boundary_is_another_value_of_the_same_width(seed, field):
    bits, value = field
    assert 0 <= Chance(seed).boundary(value, bits) < 1 << bits
    assert Chance(seed).boundary(value, bits) != value


def test_boundaries_are_where_comparisons_go_wrong():
    found = {Chance(seed).boundary(100, 8) for seed in range(500)}
    assert {0, 1, 99, 101, 25, 127, 128, 254, 255} <= found


@given(st.integers(), st.binary(max_size=80), st.integers(0, 40))
def test_changed_bytes_are_bounded(seed, data, size_max):
    assert len(Chance(seed).mutated(data, size_max)) <= size_max
    assert len(Chance(seed).scrambled(data)) <= 2 * len(data) + 16


def test_bytes_are_changed_by_the_function_that_is_given():
    def reverse(data: bytes, size_max: int) -> bytes:
        return data[::-1] + bytes(size_max)

    assert Chance(1, reverse).mutated(b"abc", 5) == b"cba\0\0"
    assert Chance(1, reverse).mutated(b"", 5), "nothing cannot be given to libFuzzer"
