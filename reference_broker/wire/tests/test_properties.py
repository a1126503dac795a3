"""Message properties: recorded areas in both styles, what writers refuse, limits, round trips."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import limits
from reference_broker.wire.compression import Compression, decompress
from reference_broker.wire.properties import (
    SCHEMA_NEW_STYLE,
    SCHEMA_OLD_STYLE,
    Property,
    PropertyType,
    area_size,
    convert_to_old_style,
    decode_properties,
    encode_properties,
    wire_is_new_style,
)
from reference_broker.wire.tests import recorded
from reference_broker.wire.tests.handmade import area, refuse

ALL_TYPES = [
    Property("bi", PropertyType.BINARY, b"xyz"),
    Property("bo", PropertyType.BOOL, True),
    Property("e", PropertyType.STRING, ""),
    Property("i3", PropertyType.INT32, 3),
    Property("i6", PropertyType.INT64, 4),
    Property("s", PropertyType.STRING, "str"),
    Property("sh", PropertyType.SHORT, 2),
]
STYLES = pytest.mark.parametrize("new_style", [True, False], ids=["new", "old"])

FIRST = st.sampled_from("aZ09")
NAMES = st.builds("{}{}".format, FIRST, st.text(max_size=8))
VALUES = st.one_of(
    st.tuples(st.just(PropertyType.BOOL), st.booleans()),
    st.tuples(st.just(PropertyType.CHAR), st.binary(min_size=1, max_size=1)),
    st.tuples(st.just(PropertyType.SHORT), st.integers(-(2**15), 2**15 - 1)),
    st.tuples(st.just(PropertyType.INT32), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(PropertyType.INT64), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(PropertyType.STRING), st.text(max_size=8)),
    st.tuples(st.just(PropertyType.BINARY), st.binary(max_size=8)),
)
PROPERTIES = st.dictionaries(NAMES, VALUES, min_size=1, max_size=8).map(
    lambda named: [Property(name, *value) for name, value in named.items()]
)


def sorted_by_bytes(properties: list[Property]) -> list[Property]:
    return sorted(properties, key=lambda item: item.name.encode())


def recorded_areas() -> list[pytest.ParameterSet]:
    """Return name, application data with its area in the clear, and whether it is new style."""
    areas = []
    for name in recorded.names("*"):
        if not name.startswith(("c2b_put_", "b2c_push_props")) or "prop" not in name:
            continue
        message = recorded.put(name) if name.startswith("c2b") else recorded.push(name)
        new_style = wire_is_new_style(message.schema)
        data = message.data
        if message.compression == Compression.ZLIB and not new_style:
            data = decompress(data)
        areas.append(pytest.param(data, new_style, id=name))
    assert len(areas) >= 17
    return areas


RECORDED = pytest.mark.parametrize(("data", "new_style"), recorded_areas())


# --- recorded bytes


@RECORDED
def test_recorded_areas_are_written_as_they_were_read(data, new_style):
    properties = decode_properties(data, new_style=new_style)
    assert encode_properties(properties, new_style=new_style) == data[: area_size(data)]
    backwards = list(properties.values())[::-1]
    assert encode_properties(backwards, new_style=new_style) == data[: area_size(data)]


@RECORDED
def test_recorded_new_areas_convert(data, new_style):
    if new_style:
        properties = decode_properties(data, new_style=True)
        converted = convert_to_old_style(data)
        assert decode_properties(converted, new_style=False) == properties
        assert converted[area_size(data) :] == data[area_size(data) :]
        assert len(converted) == len(data)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("c2b_put_new_props_all_types_plain", b"payload"),
        ("c2b_put_old_props_all_types_plain", b"payload"),
        ("c2b_put_old_properties_all_types", b"hello12"),
    ],
)
def test_all_types(name, payload):
    message = recorded.put(name)
    new_style = wire_is_new_style(message.schema)
    assert new_style == ("new" in name)
    properties = decode_properties(message.data, new_style=new_style)
    assert list(properties.values()) == ALL_TYPES
    assert list(properties) == [item.name for item in ALL_TYPES]
    assert message.data[area_size(message.data) :] == payload


def test_the_peer_and_we_convert_alike():
    new = recorded.put("c2b_put_new_props_all_types_plain").data
    old = recorded.put("c2b_put_old_props_all_types_plain").data
    assert convert_to_old_style(new) == old


def test_the_example_of_a_property_header():
    data = area((6, 0, 0xABC), values=b"n" * 0xABC)
    assert decode_properties(data, new_style=True) == {
        "n" * 0xABC: Property("n" * 0xABC, PropertyType.STRING, "")
    }
    assert data[6:12].hex() == "180000000abc"


@pytest.mark.parametrize(("schema", "expected"), [(0, False), (1, True), (2, True), (7, True)])
def test_the_schema_id_tells_the_style(schema, expected):
    assert wire_is_new_style(schema) is expected
    assert (SCHEMA_OLD_STYLE, SCHEMA_NEW_STYLE) == (0, 1)


# --- what users write


@STYLES
def test_types_are_inferred(new_style):
    data = encode_properties(
        {"n": 7, "s": "x", "b": b"\0", "t": True, "i": Property("i", PropertyType.INT32, -1)},
        new_style=new_style,
    )
    assert list(decode_properties(data, new_style=new_style).values()) == [
        Property("b", PropertyType.BINARY, b"\0"),
        Property("i", PropertyType.INT32, -1),
        Property("n", PropertyType.INT64, 7),
        Property("s", PropertyType.STRING, "x"),
        Property("t", PropertyType.BOOL, True),
    ]


@STYLES
def test_no_properties_have_no_area(new_style):
    assert encode_properties({}, new_style=new_style) == b""


@pytest.mark.parametrize("value", [None, 1.5, ["x"], bytearray(b"x"), (1, 2)])
def test_values_of_no_type(value):
    with pytest.raises(TypeError, match="property 'n' is a"):
        encode_properties({"n": value}, new_style=True)


@pytest.mark.parametrize(
    ("property_type", "value"),
    [
        (PropertyType.BOOL, 1),
        (PropertyType.CHAR, 65),
        (PropertyType.CHAR, "A"),
        (PropertyType.SHORT, True),
        (PropertyType.INT32, 1.0),
        (PropertyType.INT64, "1"),
        (PropertyType.STRING, b"x"),
        (PropertyType.BINARY, "x"),
        (8, b"x"),
    ],
)
def test_values_of_another_type(property_type, value):
    with pytest.raises(TypeError, match=r"property 'n' of type .* cannot be a"):
        encode_properties([Property("n", property_type, value)], new_style=True)


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_the_limits_of_integers(bits):
    property_type = {16: PropertyType.SHORT, 32: PropertyType.INT32, 64: PropertyType.INT64}[bits]
    for value in (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1):
        data = encode_properties([Property("n", property_type, value)], new_style=True)
        assert decode_properties(data, new_style=True)["n"].value == value
    for value in (-(2 ** (bits - 1)) - 1, 2 ** (bits - 1)):
        with pytest.raises(ValueError, match=f"a signed {bits}-bit number"):
            encode_properties([Property("n", property_type, value)], new_style=True)


@pytest.mark.parametrize("size", [0, 2])
def test_a_char_is_one_byte(size):
    with pytest.raises(ValueError, match=f"a CHAR of {size} bytes, not 1"):
        encode_properties([Property("c", PropertyType.CHAR, bytes(size))], new_style=True)


def test_one_name_twice():
    twice = [Property("n", PropertyType.INT32, 1), Property("n", PropertyType.INT64, 1)]
    with pytest.raises(ValueError, match="two properties are named 'n'"):
        encode_properties(twice, new_style=True)


def test_a_property_under_another_key():
    with pytest.raises(ValueError, match="'n' is under the key 'm'"):
        encode_properties({"m": Property("n", PropertyType.INT32, 1)}, new_style=True)


@pytest.mark.parametrize("name", ["", "_n", "é", " n", "\ud800", "n\ud800"])
def test_names_that_cannot_be_written(name):
    with pytest.raises(ValueError, match=r"name|surrogate"):
        encode_properties({name: 1}, new_style=True)


def test_a_string_that_cannot_be_written():
    with pytest.raises(ValueError, match="surrogate"):
        encode_properties({"n": "\ud800"}, new_style=True)


# --- limits


@STYLES
@pytest.mark.parametrize("count", [254, 255, 256])
def test_the_limit_of_properties(count, new_style):
    assert limits.PROPERTIES_MAX == 255
    properties = {f"n{index}": index for index in range(count)}
    if count <= 255:
        data = encode_properties(properties, new_style=new_style)
        decoded = decode_properties(data, new_style=new_style)
        assert {name: item.value for name, item in decoded.items()} == properties
    else:
        with pytest.raises(ValueError, match="256 properties are more than 255"):
            encode_properties(properties, new_style=new_style)


@STYLES
@pytest.mark.parametrize("size", [1, 4094, 4095, 4096])
def test_the_limit_of_a_name(size, new_style):
    assert limits.PROPERTY_NAME_BYTES_MAX == 4095
    name = "é".rjust(size - 1, "n") if size > 1 else "n"
    assert len(name.encode()) == size
    if size <= 4095:
        data = encode_properties({name: 1}, new_style=new_style)
        assert decode_properties(data, new_style=new_style)[name].value == 1
    else:
        with pytest.raises(ValueError, match="1 to 4095 bytes of UTF-8, not 4096"):
            encode_properties({name: 1}, new_style=new_style)


@STYLES
@pytest.mark.parametrize("surplus", [-1, 0, 1])
def test_the_limit_of_a_value(surplus, new_style):
    size = limits.PROPERTY_VALUE_BYTES_MAX + surplus
    number = 0 if new_style else size
    data = area((PropertyType.BINARY, number, 1), values=b"n" + bytes(size))
    if surplus <= 0:
        properties = {"n": bytes(size)}
        assert encode_properties(properties, new_style=new_style) == data
        assert decode_properties(data, new_style=new_style)["n"].value == properties["n"]
    else:
        with pytest.raises(ValueError, match="more than 67104745"):
            encode_properties({"n": bytes(size)}, new_style=new_style)
        error = refuse(data, new_style=new_style)
        assert (error.field, error.value) == ("properties[0].valueLength", size)
        assert "67104745" in error.rule


@pytest.mark.parametrize("surplus", [-1, 0, 1])
def test_the_limit_of_the_area(surplus):
    # Headers 6 + 2 * 6 and two names of one byte.
    size = (2**24 - 2) * 4 + surplus
    values = {"a": bytes(40_000_000), "b": bytes(size - 20 - 40_000_000)}
    if surplus <= 0:
        data = encode_properties(values, new_style=True)
        assert area_size(data) == len(data) == size // 4 * 4 + 4
    else:
        with pytest.raises(ValueError, match=f"{size} bytes are more than {size - 1}"):
            encode_properties(values, new_style=True)


# --- any properties


@given(PROPERTIES, st.booleans(), st.binary(max_size=5))
def test_round_trip(properties, new_style, payload):
    data = encode_properties(properties, new_style=new_style)
    assert area_size(data + payload) == len(data)
    assert len(data) % 4 == 0
    decoded = decode_properties(data + payload, new_style=new_style)
    assert list(decoded.values()) == sorted_by_bytes(properties)
    assert encode_properties(decoded, new_style=new_style) == data


@given(PROPERTIES, st.binary(max_size=5))
def test_conversion_gives_the_old_encoding(properties, payload):
    new = encode_properties(properties, new_style=True)
    assert convert_to_old_style(new + payload) == (
        encode_properties(properties, new_style=False) + payload
    )
