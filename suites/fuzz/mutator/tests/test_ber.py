from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.fuzz.mutator import ber
from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.strategies import ber_texts

TEXT = bytes.fromhex("3080800101a180aa03800105 00000000".replace(" ", ""))


def shape(text: bytes) -> list[tuple[int, int, int]]:
    """Return start, stop and parent of each element."""
    return [(start, stop, parent) for start, _, _, _, stop, parent in ber.spans_of(text)]


def test_elements_of_both_lengths_are_found():
    assert shape(TEXT) == [(0, 16, -1), (2, 5, 0), (5, 14, 0), (7, 12, 2), (9, 12, 3)]


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("30", 0), ("3080", 1), ("308080", 1), ("8080", 1), ("30808501", 1), ("308081", 1)],
)
def test_reading_stops_at_what_makes_no_sense(text, count):
    data = bytes.fromhex(text)
    spans = ber.spans_of(data)
    assert len(spans) == count
    assert all(stop == len(data) for _, _, _, _, stop, _ in spans)


@given(ber_texts())
def test_well_formed_elements_nest_and_fill_their_parents(text):
    spans = ber.spans_of(text)
    assert spans[0][4] == len(text)
    for start, length_at, content, end, stop, parent in spans:
        assert start < length_at < content <= end <= stop
        if parent >= 0:
            assert spans[parent][2] <= start
            assert stop <= spans[parent][3]


@given(st.binary(max_size=80))
def test_any_bytes_are_read(text):
    for start, length_at, content, end, stop, _ in ber.spans_of(text):
        assert 0 <= start < length_at <= content <= end <= stop <= len(text)


@given(ber_texts(), st.integers(0, 50), st.binary(max_size=300))
def test_lengths_around_a_replaced_element_are_right(text, index, content):
    spans = ber.spans_of(text)
    index %= len(spans)
    if not index:
        return
    new = ber.replaced(text, spans, index, ber.element(b"\x85", content))
    again = ber.spans_of(new)
    assert again[0][4] == len(new)
    assert any(new[span[2] : span[3]] == content for span in again)
    assert len(again) == len(spans) - sum(
        1 for each in spans if spans[index][0] < each[0] < spans[index][4]
    )


@given(ber_texts(), st.integers())
def test_an_edited_text_is_well_formed(text, seed):
    new, label = ber.edit(text, Chance(seed), 1000)
    assert label.split()[-1].startswith("ber") or "ber" in label
    if "length" not in label and "tag" not in label:
        spans = ber.spans_of(new)
        assert not spans or len(spans) == ber.SPANS_MAX or spans[0][4] == len(new)


def test_the_other_form_says_the_same():
    spans = ber.spans_of(TEXT)
    definite = ber.replaced(TEXT, spans, 2, ber.reformed(TEXT, spans[2]))
    assert definite == bytes.fromhex(
        "3080800101a105aa030800105".replace("0800105", "800105") + "0000"
    )
    again = ber.spans_of(definite)
    assert ber.replaced(definite, again, 2, ber.reformed(definite, again[2])) == TEXT


def test_one_thing_is_broken_at_a_time():
    span = ber.spans_of(TEXT)[1]
    broken = dict(ber.breaks(TEXT, span))
    assert broken["break ber.length +1"] == bytes.fromhex("800201")
    assert broken["break ber.length -1"] == bytes.fromhex("800001")
    assert broken["break ber.form"] == bytes.fromhex("a00101")
    assert dict(ber.breaks(TEXT, ber.spans_of(TEXT)[2]))["break ber.end missing"] == TEXT[5:12]
    assert len(set(broken.values())) == len(broken) - 1  # with one octet, -1 is 0


def test_mutations_change_the_text():
    found = list(ber.mutations(TEXT))
    assert len(found) > 200
    assert len({label for label, _ in found}) == len(found)
    assert sum(text == TEXT for _, text in found) <= 4  # an integer that was 1 or 5 before


@given(ber_texts(), ber_texts(), st.integers())
def test_an_element_of_another_text_fits(one, other, seed):
    new = ber.exchanged(one, other, Chance(seed))
    spans = ber.spans_of(new)
    assert spans[0][4] == len(new) or new[0] != 0x30
    assert ber.exchanged(b"", other, Chance(seed)) == other
