"""The options area: recorded options, round trips, and every rule broken."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError, limits
from reference_broker.wire.options import (
    Options,
    OptionType,
    SubQueueInfo,
    decode_options,
    encode_message_group_id,
    encode_sub_queue_ids_old,
    encode_sub_queue_infos,
)
from reference_broker.wire.tests import recorded

IDS = st.integers(0, 0xFFFF_FFFF)
INFOS = st.builds(SubQueueInfo, IDS, st.integers(0, 0xFF))


def decode(area: bytes) -> Options:
    """Decode the area where it cannot be by accident: in the middle of other bytes."""
    return decode_options(b"\xff" * 5 + area + b"\xff" * 7, 5, 5 + len(area))


def refuse(area: bytes | str) -> WireError:
    with pytest.raises(WireError) as caught:
        decode(bytes.fromhex(area) if isinstance(area, str) else area)
    return caught.value


@pytest.mark.parametrize(
    ("area", "infos"),
    [
        ("0c400003 00000002 85000000", [SubQueueInfo(2, 0x85)]),
        ("0c400003 00000001 80000000", [SubQueueInfo(1)]),
        ("0c400003 00000001 02000000", [SubQueueInfo(1, 2)]),
        ("0c400003 00000001 41000000", [SubQueueInfo(1, 0x41)]),
        ("0c400005 00000007 80000000 00000008 80000000", [SubQueueInfo(7), SubQueueInfo(8)]),
        ("0e000005", [SubQueueInfo(0, 5)]),
        ("0e000000", [SubQueueInfo(0, 0)]),
        ("0e0000ff", [SubQueueInfo(0, 0xFF)]),
    ],
)
def test_the_examples_of_sub_queue_infos(area, infos):
    assert decode(bytes.fromhex(area)) == Options(tuple(infos))
    assert encode_sub_queue_infos(infos) == bytes.fromhex(area)


@pytest.mark.parametrize(
    ("area", "ids"),
    [
        ("04000002 00000001", [1]),
        ("04000002 ffffffff", [0xFFFF_FFFF]),
        ("04000003 00000001 00000002", [1, 2]),
    ],
)
def test_the_examples_of_sub_queue_ids(area, ids):
    assert decode(bytes.fromhex(area)) == Options(tuple(SubQueueInfo(i, 0x80) for i in ids))
    assert encode_sub_queue_ids_old(ids) == bytes.fromhex(area)


@pytest.mark.parametrize(
    ("name", "infos"),
    [
        ("b2c_push_nooptions", ()),
        ("b2c_push_header28", (SubQueueInfo(1),)),
        ("b2c_push_oldopt_one", (SubQueueInfo(1),)),
        ("b2c_push_oldopt_two_ids", (SubQueueInfo(2), SubQueueInfo(3))),
        ("b2c_push_subqueueinfos_packed", (SubQueueInfo(0, 5),)),
        ("b2c_push_subqueueinfos_rda", (SubQueueInfo(2, 0x85),)),
        ("real_b2c_push_redelivered_rda1_poisonous", (SubQueueInfo(2, 0x41),)),
    ],
)
def test_the_recorded_messages(name, infos):
    message = recorded.push(name)
    assert decode(message.options) == Options(infos)
    if message.options[:1] == b"\x04":
        assert encode_sub_queue_ids_old([info.id for info in infos]) == message.options
    elif message.options:
        assert encode_sub_queue_infos(infos) == message.options


@pytest.mark.parametrize("name", recorded.names("c2b_put_*"))
def test_recorded_puts_have_no_options(name):
    assert decode(recorded.put(name).options) == Options()


@given(st.lists(IDS, min_size=1, max_size=20))
def test_sub_queue_ids_round_trip(ids):
    assert decode(encode_sub_queue_ids_old(ids)).sub_queue_infos == tuple(map(SubQueueInfo, ids))


@given(st.lists(INFOS, min_size=1, max_size=20))
def test_sub_queue_infos_round_trip(infos):
    area = encode_sub_queue_infos(infos)
    assert decode(area) == Options(tuple(infos))
    is_packed = len(infos) == 1 and infos[0].id == 0
    assert len(area) == (4 if is_packed else 4 + 8 * len(infos))


@given(st.text(min_size=1, max_size=31).filter(lambda text: len(text.encode()) <= 31))
def test_message_group_ids_round_trip(text):
    assert decode(encode_message_group_id(text)) == Options((), text)


@pytest.mark.parametrize(("size", "words"), [(1, 2), (3, 2), (4, 3), (30, 9), (31, 9)])
def test_the_padding_of_a_group_id(size, words):
    area = encode_message_group_id("g" * size)
    assert int.from_bytes(area[:4], "big") == OptionType.MSG_GROUP_ID << 26 | words
    assert len(area) == 4 * words
    assert area[-1] == 4 * words - 4 - size


@pytest.mark.parametrize("text", ["", "g" * 32, "é" * 16])
def test_group_ids_that_cannot_be_written(text):
    with pytest.raises(ValueError, match="1 to 31 bytes"):
        encode_message_group_id(text)


def test_lists_that_cannot_be_written():
    with pytest.raises(AssertionError):
        encode_sub_queue_ids_old([])
    with pytest.raises(AssertionError):
        encode_sub_queue_infos([])
    with pytest.raises(AssertionError):
        encode_sub_queue_infos([SubQueueInfo(0, 0x100)])


def test_infos_win_over_old_ids_whatever_the_order():
    old = encode_sub_queue_ids_old([1])
    new = encode_sub_queue_infos([SubQueueInfo(2, 3)])
    group = encode_message_group_id("g")
    expected = Options((SubQueueInfo(2, 3),), "g")
    assert decode(old + group + new) == decode(new + old + group) == expected


def test_unknown_types_are_skipped_by_their_size():
    unknown = struct.pack(">III", 63 << 26 | 3, 0x0400_0002, 9)
    packed = struct.pack(">I", 4 << 26 | 1 << 25 | 0x1F_FFFF)
    undefined = struct.pack(">II", 2, 7)
    area = unknown + encode_sub_queue_ids_old([1]) + packed + undefined
    assert decode(area) == Options((SubQueueInfo(1),), None, 3)


def test_longer_items_are_stepped_over():
    area = struct.pack(">IIIIIII", 3 << 26 | 3 << 21 | 7, 1, 0x8100_0000, 9, 2, 0x0200_0000, 9)
    assert decode(area).sub_queue_infos == (SubQueueInfo(1, 0x81), SubQueueInfo(2, 2))


@pytest.mark.parametrize(
    ("area", "field", "offset"),
    [
        pytest.param("04", "header", 0, id="part of a header"),
        pytest.param("04000002 00000001 0c4000", "header", 8, id="part of a second header"),
        pytest.param("04000000 00000001", "words", 0, id="no words"),
        pytest.param("04000001 00000001", "words", 0, id="no body"),
        pytest.param("fc000000", "words", 0, id="no words, unknown type"),
        pytest.param("04000003 00000001", "words", 0, id="one word too long"),
        pytest.param("041fffff 00000001", "words", 0, id="as long as can be"),
        pytest.param("fc000003 00000001", "words", 0, id="too long, unknown type"),
        pytest.param("04000002 00000001 04000002 00000002", "type", 8, id="type twice"),
        pytest.param("fc000002 00000001 fe000002", "type", 8, id="unknown type twice"),
        pytest.param("0c000003 00000001 80000000", "typeSpecific", 0, id="items of no words"),
        pytest.param("0c200003 00000001 80000000", "typeSpecific", 0, id="items of one word"),
        pytest.param("0c400002 00000001", "words", 0, id="half an item"),
        pytest.param("0c400004 00000001 80000000 00000002", "words", 0, id="an item and a half"),
        pytest.param("0c600003 00000001 80000000", "words", 0, id="two thirds of an item"),
        pytest.param("0e000100", "packed RDA", 0, id="packed value of nine bits"),
        pytest.param("06000001", "packed", 0, id="packed list of ids"),
        pytest.param("0a000001", "packed", 0, id="packed group id"),
        pytest.param("08000002 00000000", "messageGroupId padding", 7, id="no padding"),
        pytest.param("08000003 61626364 05050505", "messageGroupId padding", 11, id="5 padding"),
        pytest.param("08000002 04040404", "messageGroupId", 4, id="empty group id"),
        pytest.param("08000002 fffe0202", "messageGroupId", 4, id="group id not in UTF-8"),
    ],
)
def test_areas_that_are_refused(area, field, offset):
    error = refuse(area)
    assert (error.field, error.offset) == (f"option.{field}", offset)


def test_a_refusal_names_value_and_rule():
    assert str(refuse("0c400004 00000001 80000000 00000002")) == (
        "option.words is 4 but after the header it is whole items of 2 words (at byte 0)"
    )
    assert str(refuse("04000002 00000001 0a000001")) == (
        "option.packed is 1 but MSG_GROUP_ID is a list or a text, which cannot be packed"
        " (at byte 8)"
    )


@pytest.mark.parametrize("size", [31, 32])
def test_the_limit_of_a_group_id(size):
    padding = 4 - size % 4
    data = b"g" * size + bytes([padding]) * padding
    area = struct.pack(">I", OptionType.MSG_GROUP_ID << 26 | 1 + len(data) // 4) + data
    if size <= 31:
        assert decode(area).message_group_id == "g" * size
    else:
        assert refuse(area).value == "32 bytes"


@pytest.mark.parametrize("surplus", [-1, 0, 1])
@pytest.mark.parametrize("item_words", [1, 2])
def test_the_limit_of_receivers(surplus, item_words):
    count = limits.QUEUES_PER_SESSION_MAX + surplus
    option_type = OptionType.SUB_QUEUE_IDS_OLD if item_words == 1 else OptionType.SUB_QUEUE_INFOS
    header = option_type << 26 | item_words << 21 | 1 + count * item_words
    area = header.to_bytes(4, "big") + bytes(4 * item_words * count)
    if surplus <= 0:
        assert len(decode(area).sub_queue_infos) == count
    else:
        error = refuse(area)
        assert (error.field, error.value) == ("option.items", count)
        assert str(limits.QUEUES_PER_SESSION_MAX) in error.rule


WORDS = st.one_of(
    IDS,
    st.builds(
        lambda kind, packed, specific, words: kind << 26 | packed << 25 | specific << 21 | words,
        st.integers(0, 5),
        st.integers(0, 1),
        st.integers(0, 3),
        st.integers(0, 5),
    ),
)


@given(
    st.binary(max_size=64)
    | st.lists(WORDS, max_size=8).map(lambda words: struct.pack(f">{len(words)}I", *words))
)
def test_arbitrary_bytes_raise_only_wire_errors(area):
    errors = []
    try:
        decode(area)
    except WireError as error:
        errors.append(error)
    assert all(0 <= error.offset < len(area) for error in errors)
