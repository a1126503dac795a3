"""Properties as expressions see them: all types in both styles, recorded and broken areas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.expr import BINARY, EvaluationError, EvaluationErrorCode, compile_expression
from reference_broker.wire.compression import Compression, decompress
from reference_broker.wire.properties import (
    Property,
    PropertyType,
    decode_properties,
    encode_properties,
    wire_is_new_style,
)
from reference_broker.wire.property_lookup import property_lookup
from reference_broker.wire.put import FLAG_MESSAGE_PROPERTIES
from reference_broker.wire.tests import recorded
from reference_broker.wire.tests.handmade import area, refuse

STYLES = pytest.mark.parametrize("new_style", [True, False], ids=["new", "old"])
RECORDED = [name for name in recorded.names("*") if "_props_" in name]
VALUES = st.one_of(
    st.tuples(st.just(PropertyType.BOOL), st.booleans()),
    st.tuples(st.just(PropertyType.CHAR), st.binary(min_size=1, max_size=1)),
    st.tuples(st.just(PropertyType.SHORT), st.integers(-(2**15), 2**15 - 1)),
    st.tuples(st.just(PropertyType.INT32), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(PropertyType.INT64), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(PropertyType.STRING), st.text(max_size=8)),
    st.tuples(st.just(PropertyType.BINARY), st.binary(max_size=8)),
)
PROPERTIES = st.dictionaries(
    st.from_regex(r"[A-Za-z][A-Za-z0-9_.]{0,5}", fullmatch=True), VALUES, min_size=1, max_size=5
).map(lambda named: [Property(name, *value) for name, value in named.items()])


def seen(item: Property) -> object:
    """Return what an expression sees of a property, from what the decoder says."""
    if item.type == PropertyType.BINARY:
        return BINARY
    if item.type == PropertyType.CHAR:
        assert isinstance(item.value, bytes)
        return item.value[0] - 256 * (item.value[0] > 127)
    return item.value.encode() if isinstance(item.value, str) else item.value


def look(data: bytes, *, new_style: bool, compression: int = Compression.NONE):
    return property_lookup(data, FLAG_MESSAGE_PROPERTIES, int(new_style), compression)


@STYLES
def test_all_types(new_style):
    data = encode_properties(
        [
            Property("bool", PropertyType.BOOL, True),
            Property("no", PropertyType.BOOL, False),
            Property("char", PropertyType.CHAR, b"A"),
            Property("signed", PropertyType.CHAR, b"\xff"),
            Property("short", PropertyType.SHORT, -2),
            Property("int", PropertyType.INT32, 2**31 - 1),
            Property("long", PropertyType.INT64, -(2**63)),
            Property("text", PropertyType.STRING, "é"),
            Property("empty", PropertyType.STRING, ""),
            Property("bytes", PropertyType.BINARY, b"xyz"),
        ],
        new_style=new_style,
    )
    lookup = look(data + b"payload", new_style=new_style)
    names = [
        "bool",
        "no",
        "char",
        "signed",
        "short",
        "int",
        "long",
        "text",
        "empty",
        "bytes",
        "other",
    ]
    expected = [True, False, 65, -1, -2, 2**31 - 1, -(2**63), "é".encode(), b"", BINARY, None]
    assert [lookup(name) for name in names] == expected
    assert [type(lookup(name)) for name in names[:3]] == [bool, bool, int]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_messages(name):
    message = recorded.put(name) if name.startswith("c2b") else recorded.push(name)
    new_style = wire_is_new_style(message.schema)
    data = message.data
    compression = message.compression
    if compression == Compression.ZLIB and not new_style:
        data, compression = decompress(data), Compression.NONE
    lookup = property_lookup(data, FLAG_MESSAGE_PROPERTIES, message.schema, compression)
    for item in decode_properties(data, new_style=new_style).values():
        assert lookup(item.name) == seen(item)
    assert lookup("absent") is None


def test_there_are_recorded_messages():
    assert len(RECORDED) >= 15


@given(PROPERTIES, st.booleans(), st.binary(max_size=5))
def test_any_properties(properties, new_style, payload):
    lookup = look(encode_properties(properties, new_style=new_style) + payload, new_style=new_style)
    assert [lookup(item.name) for item in properties] == [seen(item) for item in properties]
    assert lookup("not.here") is None


@given(PROPERTIES, st.booleans(), st.data())
def test_a_changed_byte_gives_what_the_decoder_gives_or_nothing(properties, new_style, data):
    changed = bytearray(encode_properties(properties, new_style=new_style))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    lookup = look(bytes(changed), new_style=new_style)
    try:
        decoded = decode_properties(bytes(changed), new_style=new_style)
    except WireError as error:
        if error.rule != "it is UTF-8":
            assert [lookup(item.name) for item in properties] == [None] * len(properties)
    else:
        for name, item in decoded.items():
            if name.isascii():
                assert lookup(name) == seen(item)


@given(st.binary(max_size=40), st.integers(0, 3), st.integers(0, 3), st.integers(0, 1))
def test_any_bytes(data, flags, schema, compression):
    property_lookup(data, flags, schema, compression)("x")


BROKEN = [
    pytest.param(b"", id="no-area"),
    pytest.param(area((4, 0, 1), values=b"x\0\0\0\1", words=9), id="longer-than-the-data"),
    pytest.param(area((4, 0, 1), values=b"x\0\0\1"), id="an-int-of-3-bytes"),
    pytest.param(area((0, 0, 1), values=b"x\0\0\0\1"), id="type-0"),
    pytest.param(area((8, 0, 1), values=b"x\0\0\0\1"), id="type-8"),
    pytest.param(area((4, 0, 1), (4, 5, 1), values=b"x\0\0\0\1x\0\0\0\1"), id="one-name-twice"),
    pytest.param(area((4, 0, 1), (1, 5, 1), values=b"x\0\0\0\1b"), id="a-bool-without-a-byte"),
]


@pytest.mark.parametrize("data", BROKEN)
def test_a_broken_area_has_no_properties(data):
    refuse(data, new_style=True)
    lookup = look(data, new_style=True)
    assert lookup("x") is None
    with pytest.raises(EvaluationError) as caught:
        compile_expression("x == 1").evaluate(lookup)
    assert caught.value.code == EvaluationErrorCode.NAME


def test_strings_need_not_be_utf8():
    lookup = look(area((6, 0, 1), values=b"s\xff"), new_style=True)
    assert lookup("s") == b"\xff"


def test_without_the_flag_there_is_no_area():
    data = encode_properties({"x": 1}, new_style=True)
    assert property_lookup(data, FLAG_MESSAGE_PROPERTIES, 1, Compression.NONE)("x") == 1
    assert property_lookup(data, 1, 1, Compression.NONE)("x") is None


@pytest.mark.parametrize("schema", [1, 2, 3, 7])
def test_new_areas_are_never_compressed(schema):
    data = encode_properties({"x": 1}, new_style=True)
    assert property_lookup(data, FLAG_MESSAGE_PROPERTIES, schema, Compression.ZLIB)("x") == 1


def test_old_areas_are_inside_what_is_compressed():
    data = encode_properties({"x": 1}, new_style=False)
    assert look(data, new_style=False)("x") == 1
    assert look(data, new_style=False, compression=Compression.ZLIB)("x") is None


def test_one_lookup_serves_several_uses():
    data = encode_properties({"x": 2**40, "s": "text"}, new_style=True)
    lookup = look(data, new_style=True)
    predicate = compile_expression('x > 1 && s == "text" && x < 2000000000000')
    assert [predicate.matches(lookup) for _ in range(3)] == [True] * 3
