from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from suites.fuzz.mutator import json_text
from suites.fuzz.mutator.chance import Chance

TEXT = b'{"rId": 1, "openQueue": {"uri": "bmq://d/q", "ids": [1, {"a": null}]}}'
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3)
    ),
    max_leaves=8,
).map(lambda tree: json.dumps({"root": tree}).encode())


def test_values_are_found_with_their_names():
    found = [TEXT[member:stop] for _, stop, member in json_text.values_of(TEXT)]
    assert found == [
        b'"rId": 1',
        b'"uri": "bmq://d/q"',
        b"1",
        b'"a": null',
        b'{"a": null}',
        b'"ids": [1, {"a": null}]',
        b'"openQueue": {"uri": "bmq://d/q", "ids": [1, {"a": null}]}',
        TEXT,
    ]


@given(documents, st.integers())
def test_an_edited_text_is_json(text, seed):
    new, label = json_text.edit(text, Chance(seed), 100)
    if label not in {"mutate json.value", "set json.text"} and not _beside_the_root(text, label):
        json.loads(new)


def _beside_the_root(text: bytes, label: str) -> bool:
    """Tell whether an edit may have put something beside the root, or a member without a name."""
    return label in {"duplicate json.member", "add json.member", "delete json.member"} or not text


def test_members_come_and_go_with_their_commas():
    found = {json_text.edit(TEXT, Chance(seed), 100) for seed in range(3000)}
    texts = {label: {text for text, name in found if name == label} for _, label in found}
    assert (
        b'{ "openQueue": {"uri": "bmq://d/q", "ids": [1, {"a": null}]}}'
        in texts["delete json.member"]
    )
    assert b'{"rId": 1}' in texts["delete json.member"]
    doubled = b'{"rId": 1,"rId": 1, "openQueue": {"uri": "bmq://d/q", "ids": [1, {"a": null}]}}'
    assert doubled in texts["duplicate json.member"]
    assert TEXT.replace(b": 1,", b": 2,") in texts["step json.value"]


@given(st.binary(max_size=60), st.integers())
@example(b'{"' * 20, 3)
@example(b'"\\' * 20, 3)
def test_any_bytes_are_edited_and_broken(text, seed):
    for change in (json_text.edit(text, Chance(seed), 50), json_text.broken(text, Chance(seed))):
        assert len(change[0]) <= 3 * len(text) + 2500
    for start, stop, member in json_text.values_of(text):
        assert 0 <= member <= start < stop <= len(text)


def test_reading_is_bounded():
    assert len(json_text.values_of(b"[" * 10_000 + b"1," * 10_000)) <= json_text.TOKENS_MAX


def test_each_value_is_changed_and_broken_once():
    found = list(json_text.mutations(TEXT))
    assert len(found) > 400
    assert len({label for label, _ in found}) == len(found)
    assert any(text == TEXT.replace(b"null", b"nul") for _, text in found)


@given(documents, documents, st.integers())
def test_a_value_of_another_text_fits(one, other, seed):
    json.loads(json_text.exchanged(one, other, Chance(seed)))
    assert json_text.exchanged(b"", other, Chance(seed)) == other
