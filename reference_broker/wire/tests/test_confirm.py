"""CONFIRM and REJECT events."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire import (
    ConfirmTuple,
    EventType,
    confirm_event,
    confirm_guids,
    iter_confirms,
)
from reference_broker.wire.tests.recorded import read

_GUID = bytes(range(16))
_u32 = st.integers(0, 2**32 - 1)
_guids = st.binary(min_size=16, max_size=16)
_confirms = st.tuples(_u32, _guids, _u32)


def test_the_layout_of_a_message():
    event = confirm_event([(1, _GUID, 2)])
    assert event.hex() == "0000002443020000" + "16000000" + "00000001" + _GUID.hex() + "00000002"
    assert list(iter_confirms(event, 8, 36)) == [(1, _GUID, 2)]


def test_a_recorded_confirm_has_the_sub_queue_id_of_the_open_request():
    data = read("c2b_confirm_app_foo")
    ((queue_id, _, sub_id),) = iter_confirms(data, 8, len(data))
    assert (queue_id, sub_id) == (1, 1)


def test_a_reject_differs_in_the_type_only():
    event = confirm_event([(1, _GUID, 2)], EventType.REJECT)
    assert event == confirm_event([(1, _GUID, 2)]).replace(b"\x43\2\0\0", b"\x4d\2\0\0", 1)
    data = read("real_bb_reject")
    assert confirm_event(iter_confirms(data, 8, len(data), "REJECT"), EventType.REJECT) == data


@given(st.lists(_confirms, max_size=6), st.binary(max_size=9))
def test_what_is_written_is_read(confirms: list[ConfirmTuple], before: bytes):
    event = confirm_event(confirms)
    buffer = before + event + b"behind"
    assert list(iter_confirms(buffer, len(before) + 8, len(before) + len(event))) == confirms


@given(st.lists(_guids, min_size=1, max_size=6), _u32, _u32)
def test_the_fast_way_writes_the_same(guids: list[bytes], queue_id: int, sub_id: int):
    expected = confirm_event([(queue_id, guid, sub_id) for guid in guids])
    assert confirm_guids(guids, queue_id, sub_id) == expected


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ("1600", "CONFIRM.header", "2 bytes"),
        ("06000000", "CONFIRM.headerWords", 0),
        ("36000000", "CONFIRM.headerWords", 3),
        ("14000000", "CONFIRM.perMessageWords", 4),
        ("16000000" + "00" * 20, "CONFIRM.size", "20 bytes"),
        ("17000000" + "00" * 24, "CONFIRM.size", "24 bytes"),
    ],
)
def test_a_malformed_list_is_refused_before_the_first_message(body: str, field: str, value: object):
    data = bytes.fromhex(body)
    with pytest.raises(WireError) as caught:
        iter_confirms(data, 0, len(data))
    assert (caught.value.field, caught.value.value) == (field, value)


def test_the_error_names_the_kind_of_event():
    with pytest.raises(WireError, match=r"^REJECT\.header is 0 bytes"):
        iter_confirms(b"", 0, 0, "REJECT")


def test_messages_are_stepped_through_by_the_size_in_the_header():
    one = (5).to_bytes(4, "big") + _GUID + (6).to_bytes(4, "big") + b"more"
    body = b"\x17\0\0\0" + one * 3
    assert list(iter_confirms(body, 0, len(body))) == [(5, _GUID, 6)] * 3


@given(st.binary(max_size=100))
def test_any_bytes_are_a_list_or_a_wire_error(data: bytes):
    with contextlib.suppress(WireError):
        found = list(iter_confirms(data, 0, len(data)))
        assert all(len(guid) == 16 for _, guid, _ in found)
