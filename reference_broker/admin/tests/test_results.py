"""Results in all three forms against what the peer printed."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.admin import OutputEncoding, Result, StorageContent, render
from reference_broker.admin.json_form import CHOICE_NAMES, result_tree
from reference_broker.admin.tests.samples import real_answers, rendered_results, result_of
from reference_broker.admin.tests.strategies import results

# Some results are large.
EXAMPLES = settings().max_examples // 10
TEXT, COMPACT, PRETTY = OutputEncoding
REAL = real_answers()
LOCAL = "CLUSTERS CLUSTER local"
DOMAIN = "DOMAINS DOMAIN bmq.test.persistent.priority"


def without_absent(tree: object) -> object:
    """What JSON keeps of plain values: no `None`, no empty arrays."""
    if isinstance(tree, dict):
        items = {name: without_absent(value) for name, value in tree.items()}
        return {name: value for name, value in items.items() if value is not None and value != []}
    return [without_absent(each) for each in tree] if isinstance(tree, list) else tree


def test_the_samples_are_whole():
    assert len(rendered_results()) == 14
    assert len(REAL) == 39


@pytest.mark.parametrize("sample", rendered_results(), ids=lambda sample: sample[0][:40])
def test_printed_samples(sample):
    given_json, text, compact, pretty = sample
    result = result_of(given_json)
    assert render(result, TEXT) == text
    assert render(result, COMPACT) == compact
    assert render(result, PRETTY) == pretty


@pytest.mark.parametrize(
    "command",
    [
        "CLUSTERS LIST",
        f"{LOCAL} STORAGE SUMMARY",
        f"{LOCAL} STORAGE DOMAIN bmq.test.persistent.priority QUEUE_STATUS",
        f"{DOMAIN} INFOS",
        f"{DOMAIN} QUEUE q1 INTERNALS",
    ],
)
def test_real_answers_in_both_forms(command):
    """The same result was asked for twice, so the JSON answer tells what made the text."""
    answer = REAL[f"ENCODING JSON_COMPACT {command}"]
    assert render(result_of(answer), COMPACT) == answer
    assert render(result_of(answer), TEXT) == REAL[command]


def test_real_cluster_status():
    answer = REAL[f"ENCODING JSON_PRETTY {LOCAL} STATUS"]
    assert render(result_of(answer), PRETTY) == answer
    assert render(result_of(answer), TEXT) == REAL[f"{LOCAL} STATUS"]


@pytest.mark.parametrize("command", [f"{DOMAIN} QUEUE q1 LIST 0 10", "STAT SHOW"])
def test_real_answers_in_json(command):
    answer = REAL[f"ENCODING JSON_COMPACT {command}"]
    assert render(result_of(answer), COMPACT) == answer


def test_one_partition_is_a_summary_with_one_partition():
    answer = REAL[f"ENCODING JSON_COMPACT {LOCAL} STORAGE SUMMARY"]
    assert render(result_of(answer), TEXT) == REAL[f"{LOCAL} STORAGE PARTITION 0 SUMMARY"]


def test_every_result_has_a_name():
    assert set(get_args(Result)) <= set(CHOICE_NAMES)


@pytest.mark.parametrize("kind", get_args(Result), ids=lambda kind: kind.__name__)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_any_result_has_all_forms(kind, data):
    result = data.draw(results(kind))
    assert isinstance(render(result, TEXT), str)
    expected = without_absent(result_tree(result))
    for encoding in (COMPACT, PRETTY):
        text = render(result, encoding)
        assert json.loads(text) == expected
        assert len(json.loads(text)) == 1


def test_an_empty_table_has_no_heading():
    assert render(StorageContent(), TEXT) == ""
    assert render(StorageContent(), COMPACT) == '{"storageContent":{}}'
