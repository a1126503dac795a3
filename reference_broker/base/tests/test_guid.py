"""GUIDs: their layout, uniqueness, the printed form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base.guid import (
    GUID_SIZE,
    UNSET_GUID,
    GuidGenerator,
    format_guid,
    parse_guid,
)

CLIENT_ID = bytes.fromhex("2a3e1acc36dd")


def test_the_layout():
    generator = GuidGenerator(CLIENT_ID)
    generator.next(0)
    generator.next(0)
    # Recorded from the SDK: its third message, 0x0f94e910 ns after the generator was made.
    assert generator.next(0x0F94E910).hex() == "4000020000000f94e9102a3e1acc36dd"


def test_the_counter_alone_makes_guids_differ():
    generator = GuidGenerator(CLIENT_ID)
    guids = [generator.next(7) for _ in range(1000)]
    assert len(set(guids)) == 1000
    assert guids == sorted(guids)


def test_the_counter_goes_round_within_its_22_bits():
    generator = GuidGenerator(CLIENT_ID)
    generator._counter = 0x3FFFFE
    assert [generator.next(0)[:3].hex() for _ in range(3)] == ["7ffffe", "7fffff", "400000"]


def test_the_timer_keeps_its_lowest_56_bits():
    timers = [(1 << 56) - 1, 1 << 56, (1 << 56) + 1]
    generator = GuidGenerator(CLIENT_ID)
    assert [generator.next(timer)[3:10].hex() for timer in timers] == [
        "f" * 14,
        "0" * 14,
        "0" * 13 + "1",
    ]


@pytest.mark.parametrize("size", [0, 5, 7])
def test_a_client_id_has_6_bytes(size):
    with pytest.raises(AssertionError):
        GuidGenerator(bytes(size))


def test_no_generated_guid_is_the_unset_one():
    assert GuidGenerator(bytes(6)).next(0) != UNSET_GUID
    assert bytes(16) == UNSET_GUID


def test_the_printed_form_is_upper_case():
    assert format_guid(bytes.fromhex("40000200ab") + bytes(11)) == "40000200AB" + "0" * 22


@given(st.binary(min_size=GUID_SIZE, max_size=GUID_SIZE))
def test_parse_undoes_format(guid):
    assert parse_guid(format_guid(guid)) == guid
    assert parse_guid(format_guid(guid).lower()) == guid


@pytest.mark.parametrize("text", ["", "0" * 30, "0" * 34, "0" * 31, "g" * 32])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="hex"):
        parse_guid(text)
