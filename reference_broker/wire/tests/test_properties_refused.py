"""Message properties: every rule that readers hold to, broken."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire.properties import (
    Property,
    PropertyType,
    convert_to_old_style,
    decode_properties,
    encode_properties,
)
from reference_broker.wire.tests.handmade import area, refuse

STYLES = pytest.mark.parametrize("new_style", [True, False], ids=["new", "old"])

SOME = [
    Property("bi", PropertyType.BINARY, b"xyz"),
    Property("bo", PropertyType.BOOL, True),
    Property("c", PropertyType.CHAR, b"c"),
    Property("e", PropertyType.STRING, ""),
    Property("i3", PropertyType.INT32, 3),
    Property("i6", PropertyType.INT64, 4),
    Property("s", PropertyType.STRING, "é"),
    Property("sh", PropertyType.SHORT, 2),
]


@STYLES
@pytest.mark.parametrize("size", range(6))
def test_part_of_an_area_header(size, new_style):
    error = refuse(bytes(size), new_style=new_style, offset=100)
    assert (error.field, error.offset) == ("properties.header", 100)


@STYLES
def test_every_truncation_is_refused(new_style):
    data = encode_properties(SOME, new_style=new_style)
    for size in range(len(data)):
        error = refuse(data[:size], new_style=new_style)
        assert error.field in {"properties.header", "properties.areaWords"}


@STYLES
@pytest.mark.parametrize("units", [0, 1, 2])
@pytest.mark.parametrize(("field", "shift"), [("HS2X", 0), ("PHS2X", 3)])
def test_headers_that_are_too_short(units, field, shift, new_style):
    sizes = 0x1B & ~(7 << shift) | units << shift
    error = refuse(area((6, 0, 1), values=b"n", sizes=sizes), new_style=new_style)
    assert (error.field, error.value) == (f"properties.{field}", units)
    assert "at least 3" in error.rule


@STYLES
@pytest.mark.parametrize("units", [3, 4, 7])
def test_longer_headers_are_stepped_over(units, new_style):
    gap = (units - 3) * 2
    second = 2 if new_style else 0
    data = area(
        (6, 0 if new_style else 1, 1), (6, second, 1), values=b"axb", sizes=units << 3 | 3, gap=gap
    )
    decoded = decode_properties(data, new_style=new_style)
    assert [item[:1] + item[2:] for item in decoded.values()] == [("a", "x"), ("b", "")]
    if new_style:
        converted = convert_to_old_style(data)
        assert decode_properties(converted, new_style=False) == decoded


@STYLES
def test_a_longer_area_header_is_stepped_over(new_style):
    tail = struct.pack(">IH", 6 << 26 | (0 if new_style else 1), 1) + b"nx" + b"\4" * 4
    data = struct.pack(">IBB", 0x1C << 24 | 5, 0, 1) + b"??" + tail
    assert decode_properties(data, new_style=new_style)["n"].value == "x"
    if new_style:
        assert decode_properties(convert_to_old_style(data), new_style=False)["n"].value == "x"


@STYLES
@pytest.mark.parametrize(
    ("data", "field", "offset"),
    [
        pytest.param(area(values=b"nx"), "numProperties", 5, id="no properties"),
        pytest.param(area((6, 0, 1), values=b"n", count=2), "areaWords", 0, id="count too large"),
        pytest.param(area((6, 0, 1), values=b"n", words=0), "areaWords", 0, id="no words"),
        pytest.param(area((6, 0, 1), values=b"n", words=3), "areaWords", 0, id="only headers"),
        pytest.param(area((6, 0, 1), values=b"n", words=5), "areaWords", 0, id="one word too many"),
        pytest.param(
            area((6, 0, 1), values=b"n", words=2**24 - 1), "areaWords", 0, id="most words"
        ),
        pytest.param(
            area((6, 0, 1), values=b"n\0\0", padding=b"\0"), "padding", 15, id="padding 0"
        ),
        pytest.param(
            area((6, 0, 1), values=b"n\0\0", padding=b"\5"), "padding", 15, id="padding 5"
        ),
        pytest.param(area((0, 0, 1), values=b"n"), "[0].type", 6, id="type 0"),
        pytest.param(area((8, 0, 1), values=b"n"), "[0].type", 6, id="type 8"),
        pytest.param(area((31, 0, 1), values=b"n"), "[0].type", 6, id="type 31"),
        pytest.param(area((1, 0, 0)), "[0].nameLength", 10, id="no name, least type"),
        pytest.param(area((7, 0, 0)), "[0].nameLength", 10, id="no name, greatest type"),
        pytest.param(area((6, 0, 2), values=b"n"), "[0].nameLength", 10, id="name too long"),
        pytest.param(area((6, 0, 4095), values=b"n"), "[0].nameLength", 10, id="longest name"),
        pytest.param(area((6, 0, 1), values=b"\xff"), "[0].name", 12, id="name not in UTF-8"),
        pytest.param(
            area((6, 0, 1), (6, 0, 1), padding=b"\4\4"), "padding", 19, id="padding in the headers"
        ),
    ],
)
def test_areas_that_are_refused(data, field, offset, new_style):
    error = refuse(data, new_style=new_style, offset=1000)
    dot = "" if field.startswith("[") else "."
    assert (error.field, error.offset) == (f"properties{dot}{field}", 1000 + offset)


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        pytest.param(area((6, 1, 1), values=b"n"), "[0].valueLength", 1, id="one byte too long"),
        pytest.param(
            area((7, 2**26 - 1, 1), values=b"nx"), "[0].valueLength", 2**26 - 1, id="longest"
        ),
        pytest.param(area((7, 1, 1), values=b"nxy"), ".areaWords", 4, id="one byte too short"),
        pytest.param(
            area((7, 0, 1), (7, 2, 1), values=b"abx"), "[1].valueLength", 2, id="second too long"
        ),
        pytest.param(area((6, 0, 1), (6, 0, 1), values=b"nn"), "[1].name", "'n'", id="name twice"),
    ],
)
def test_old_areas_that_are_refused(data, field, value):
    error = refuse(data, new_style=False)
    assert (error.field, error.value) == (f"properties{field}", value)
    if field == "[1].valueLength":
        assert error.offset == 6 + 6
        assert error.rule == "it is 0 to 1 here"


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        pytest.param(area((6, 1, 1), values=b"n"), "[0].offset", 1, id="first not at 0"),
        pytest.param(
            area((7, 0, 1), (7, 0, 1), values=b"ab"), "[0].valueLength", -1, id="offset in a name"
        ),
        pytest.param(
            area((7, 0, 1), (7, 3, 1), (7, 2, 1), values=b"axbyc"),
            "[1].valueLength",
            -2,
            id="offsets going back",
        ),
        pytest.param(
            area((7, 0, 1), (7, 9, 1), values=b"ab"), "[0].valueLength", 8, id="offset too far"
        ),
        pytest.param(
            area((7, 0, 1), (7, 2, 2), values=b"axb"), "[1].nameLength", 2, id="name over the end"
        ),
        pytest.param(area((6, 0, 1), (6, 1, 1), values=b"nn"), "[1].name", "'n'", id="name twice"),
    ],
)
def test_new_areas_that_are_refused(data, field, value):
    error = refuse(data, new_style=True)
    assert (error.field, error.value) == (f"properties{field}", value)


@STYLES
@pytest.mark.parametrize(
    ("property_type", "size"),
    [
        (PropertyType.BOOL, 1),
        (PropertyType.CHAR, 1),
        (PropertyType.SHORT, 2),
        (PropertyType.INT32, 4),
        (PropertyType.INT64, 8),
    ],
)
def test_values_of_a_wrong_size(property_type, size, new_style):
    for wrong in {0, 1, 2, 4, 8, 9, size - 1, size + 1} - {size}:
        number = 0 if new_style else wrong
        data = area((property_type, number, 1), values=b"n" + bytes(wrong))
        error = refuse(data, new_style=new_style, offset=100)
        assert (error.field, error.value) == ("properties[0].value", f"{wrong} bytes")
        assert (error.rule, error.offset) == (f"{property_type.name} has {size}", 113)


@STYLES
def test_a_string_that_is_not_utf_8(new_style):
    data = area((6, 0 if new_style else 4, 1), values=b"nab\xc3(")
    error = refuse(data, new_style=new_style, offset=100)
    assert (error.field, error.value) == ("properties[0].value", "0xc328...")
    assert error.offset == 100 + 12 + 1 + 2


@STYLES
@pytest.mark.parametrize(("byte", "value"), [(0, False), (1, True), (2, False), (255, False)])
def test_the_byte_of_a_bool(byte, value, new_style):
    data = area((1, 0 if new_style else 1, 1), values=b"n" + bytes([byte]))
    assert decode_properties(data, new_style=new_style)["n"].value is value


@STYLES
def test_readers_take_names_that_writers_may_not_write(new_style):
    data = area((6, 0, 3), values="_é".encode())
    assert list(decode_properties(data, new_style=new_style)) == ["_é"]


@STYLES
def test_readers_do_not_rely_on_the_order_or_on_reserved_bits(new_style):
    data = area((0b100110, 0, 1 | 0xF000), (6, 1 if new_style else 0, 1), values=b"ba")
    data = bytes([data[0] | 0xC0]) + data[1:4] + b"\xff" + data[5:]
    assert list(decode_properties(data, new_style=new_style)) == ["b", "a"]


def test_conversion_keeps_reserved_bits_and_refuses_sizes_that_disagree():
    data = area((0b100110, 0, 1), (6, 2, 1), values=b"axb")
    assert convert_to_old_style(data) == area((0b100110, 1, 1), (6, 0, 1), values=b"axb")
    with pytest.raises(WireError, match=r"properties\[0\]\.offset is 1") as caught:
        convert_to_old_style(area((6, 1, 1), values=b"n"), 50)
    assert caught.value.offset == 56


def test_a_refusal_names_value_and_rule():
    assert str(refuse(area((7, 1, 1), values=b"nxy"), new_style=False)) == (
        "properties.areaWords is 4 but the properties end 1 bytes before the padding (at byte 0)"
    )
    assert str(refuse(area((6, 0, 0)), new_style=True)) == (
        "properties[0].nameLength is 0 but a name has 1 to 4095 bytes (at byte 10)"
    )


# --- any bytes


HEADERS = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 4))
NEARLY = st.builds(
    lambda headers, values, words: area(*headers, values=values, words=words),
    st.lists(HEADERS, max_size=3),
    st.binary(max_size=12),
    st.none() | st.integers(0, 12),
)


@given(st.binary(max_size=64) | st.binary(max_size=64).map(b"\x1b\0\0".__add__) | NEARLY)
def test_arbitrary_bytes_raise_only_wire_errors(data):
    errors = []
    for new_style in (True, False):
        try:
            decoded = decode_properties(data, new_style=new_style)
        except WireError as error:
            errors.append(error)
        else:
            assert 1 <= len(decoded) <= 255
    try:
        assert len(convert_to_old_style(data)) == len(data)
    except WireError as error:
        errors.append(error)
    assert all(0 <= error.offset <= len(data) for error in errors)


@given(st.data(), st.booleans())
def test_mutated_areas_raise_only_wire_errors(data, new_style):
    mutated = bytearray(encode_properties(SOME, new_style=new_style))
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = decode_properties(bytes(mutated), new_style=new_style)
    except WireError:
        return
    assert all(item.name == name for name, item in decoded.items())
