"""ACK events."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire import AckStatus, AckTuple, ack_event, iter_acks, success_acks
from reference_broker.wire.ack import list_bounds
from reference_broker.wire.tests.recorded import read

_GUID = bytes(range(16))
_acks = st.tuples(
    st.integers(0, 15),
    st.integers(0, 2**24 - 1),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
)


def refuse(body: bytes) -> WireError:
    with pytest.raises(WireError) as caught:
        list(iter_acks(b"HEAD" + body, 4, 4 + len(body)))
    return caught.value


def test_the_layout_of_a_message():
    event = ack_event([(AckStatus.STORAGE_FAILURE, 0xABCDEF, _GUID, 7)])
    assert event.hex() == "0000002445020000" + "16000000" + "06abcdef" + _GUID.hex() + "00000007"
    assert list(iter_acks(event, 8, 36)) == [(6, 0xABCDEF, _GUID, 7)]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("b2c_ack_success_one", AckStatus.SUCCESS),
        ("b2c_ack_nack_limit_messages", AckStatus.LIMIT_MESSAGES),
        ("b2c_ack_nack_limit_bytes", AckStatus.LIMIT_BYTES),
        ("b2c_ack_nack_unknown", AckStatus.UNKNOWN),
        ("b2c_ack_nack_storage_failure", AckStatus.STORAGE_FAILURE),
        ("b2c_ack_nack_not_ready", AckStatus.NOT_READY),
    ],
)
def test_the_statuses_of_the_recordings(name: str, status: AckStatus):
    data = read(name)
    ((found, correlation, _, queue_id),) = iter_acks(data, 8, len(data))
    assert (found, correlation, queue_id) == (status, 0, 0)


@given(st.lists(_acks, max_size=6))
def test_what_is_written_is_read(acks: list[AckTuple]):
    event = ack_event(acks)
    assert int.from_bytes(event[:4], "big") == len(event) == 12 + 24 * len(acks)
    assert list(iter_acks(event, 8, len(event))) == acks


@given(
    st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_the_fast_way_writes_the_same(guids: list[bytes], queue_id: int):
    assert success_acks(guids, queue_id) == ack_event([(0, 0, guid, queue_id) for guid in guids])


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ("", "ACK.header", "0 bytes"),
        ("160000", "ACK.header", "3 bytes"),
        ("06000000", "ACK.headerWords", 0),
        ("26000000", "ACK.headerWords", 2),
        ("f6000000", "ACK.headerWords", 15),
        ("15000000", "ACK.perMessageWords", 5),
        ("10000000", "ACK.perMessageWords", 0),
        ("16000000" + "00" * 23, "ACK.size", "23 bytes"),
        ("16000000" + "00" * 25, "ACK.size", "25 bytes"),
        ("16000000" + "00" * 28, "ACK.size", "28 bytes"),
    ],
)
def test_a_malformed_list_is_refused(body: str, field: str, value: object):
    error = refuse(bytes.fromhex(body))
    assert (error.field, error.value) == (field, value)


def test_messages_are_stepped_through_by_the_size_in_the_header():
    one = bytes(4) + _GUID + (9).to_bytes(4, "big")
    body = bytes.fromhex("27000000") + b"more" + (one + b"more") * 2
    assert list(iter_acks(body, 0, len(body))) == [(0, 0, _GUID, 9)] * 2


def test_a_list_may_be_empty():
    assert list(iter_acks(b"\x16\0\0\0", 0, 4)) == []


@given(st.binary(max_size=100))
def test_any_bytes_are_a_list_or_a_wire_error(data: bytes):
    with contextlib.suppress(WireError):
        first, step = list_bounds(data, 0, len(data), "X")
        assert len(list(iter_acks(data, 0, len(data)))) == (len(data) - first) // step
