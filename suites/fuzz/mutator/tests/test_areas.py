from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire.properties import PropertyValue, encode_properties
from suites.fuzz.mutator import tree
from suites.fuzz.mutator.areas import read_area
from suites.fuzz.mutator.tests.examples import below
from suites.fuzz.mutator.tree import Node
from suites.fuzz.mutator.writing import write

PROPERTIES: dict[str, PropertyValue] = {"flag": True, "name": "pear", "blob": b"\0\xff", "price": 7}


@pytest.mark.parametrize(("kind", "is_new"), [(tree.OLD_AREA, False), (tree.NEW_AREA, True)])
def test_an_area_is_read_with_its_names_and_values(kind, is_new):
    data = encode_properties(PROPERTIES, new_style=is_new)
    area = Node(kind)
    assert read_area(area, data + b"payload") == len(data)
    assert [below(area, index).parts[0] for index in range(4)] == [
        b"blob",
        b"flag",
        b"name",
        b"price",
    ]
    assert below(area, 2).parts[1] == b"pear"
    assert write(area) == data


@pytest.mark.parametrize("at", [0, 3, 5, 9, -1])
def test_an_area_whose_sizes_do_not_agree_is_left_alone(at):
    data = bytearray(encode_properties(PROPERTIES, new_style=False))
    data[at] ^= 0x15
    area = Node(tree.OLD_AREA)
    assert read_area(area, bytes(data)) == 0
    assert not area.parts


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_left_alone(noise, is_new):
    data = bytes((0x1B, 0, 0, max(1, len(noise) // 4 + 1), 0, 1)) + noise
    area = Node(tree.NEW_AREA if is_new else tree.OLD_AREA)
    size = read_area(area, data)
    assert write(area)[:size] == data[:size]


def test_wrong_numbers_that_do_not_matter_are_kept():
    data = bytearray(encode_properties({"a": b"x"}, new_style=True))
    data[9] = 5  # of the first name, which begins at the beginning anyway
    area = Node(tree.NEW_AREA)
    assert read_area(area, bytes(data)) == len(data)
    assert below(area, 0).forced == {"number": 5}
    assert write(area) == data
