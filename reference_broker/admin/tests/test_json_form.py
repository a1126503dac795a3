"""JSON texts as the peer's encoder writes them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.admin import OutputEncoding, Stats, Tunable, pretty_json, render
from reference_broker.admin.json_form import compact_json
from reference_broker.admin.tests.samples import real_answers

REAL = real_answers()
INFOS = "ENCODING JSON_COMPACT DOMAINS DOMAIN bmq.test.persistent.priority INFOS"
TREES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.dictionaries(st.text(), inner.filter(lambda value: value != []))
        | st.lists(inner, min_size=1)
    ),
    max_leaves=10,
)


def test_the_brokers_configuration():
    answer = REAL["BROKERCONFIG DUMP"]
    assert pretty_json(json.loads(answer), level=1) == answer


def test_a_domains_configuration():
    text = json.loads(REAL[INFOS])["domainInfo"]["configJson"]
    assert pretty_json(json.loads(text), blanks=2) == text


@given(TREES)
def test_values_come_back(tree):
    assert json.loads(compact_json(tree)) == tree
    assert json.loads(pretty_json(tree)) == tree


def test_what_is_left_out_and_what_is_escaped():
    tree: dict[str, object] = {
        "none": None,
        "empty": [],
        "text": 'a/b"\n\N{SNOWMAN}\x01',
        "object": {},
    }
    assert compact_json(tree) == '{"text":"a\\/b\\"\\n\N{SNOWMAN}\\u0001","object":{}}'
    assert pretty_json({"object": {}}) == '{\n    "object": {\n\n    }\n}\n'


def test_an_array_in_an_array():
    assert (
        pretty_json({"a": [[1], {}]}, blanks=1)
        == '{\n "a": [\n  [\n   1\n  ],\n  {\n\n  }\n ]\n}\n'
    )


def test_compact_has_no_white_space_of_its_own():
    assert render(Stats("{}"), OutputEncoding.JSON_COMPACT) == '{"stats":"{}"}'


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_numbers_that_json_has_not(number):
    with pytest.raises(AssertionError, match="JSON has no"):
        render(Tunable("x", number, ""), OutputEncoding.JSON_COMPACT)
