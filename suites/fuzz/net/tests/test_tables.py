from __future__ import annotations

from suites.fuzz.net import tables


def test_names_are_unique():
    names = [name for name, _ in tables.texts()]
    assert len(set(names)) == len(names)


def test_all_sorts_are_there():
    texts = {text for _, text in tables.texts()}
    assert {b"A" * 65_536, b"%n", b"\0", b"\xed\xa0\x80", b"(" * 1000} <= texts


def test_edges_of_types_are_there():
    edges = {bound + by for bits in (8, 16, 32, 64) for bound in (1 << bits,) for by in (-1, 0, 1)}
    assert {*edges, -(1 << 63), -(1 << 63) - 1, -(1 << 31), 0, -1} <= set(tables.integers())


def test_octets_are_two_s_complement():
    for number in tables.integers():
        octets = tables.octets_of(number)
        assert int.from_bytes(octets, "big", signed=True) == number


def test_old_texts_are_cut_at_each_length():
    found = dict(tables.texts_like(b"abc"))
    assert [found[f"first {size}"] for size in range(3)] == [b"", b"a", b"ab"]
