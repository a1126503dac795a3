from __future__ import annotations

import pytest

from reference_broker.config.document import CONFIG_BYTES_MAX, load_document
from reference_broker.config.errors import ConfigError, ConfigTextError


def test_bytes_become_values_and_values_stay():
    assert load_document(b'{"a": [1, 2.5, "x", null, true]}') == {"a": [1, 2.5, "x", None, True]}
    value = {"a": 1}
    assert load_document(value) is value


def test_a_byte_order_mark_is_skipped():
    assert load_document(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (b"", 1, 1),
        (b'{\n  "a": 1\n  "b": 2\n}', 3, 3),
        (b'{"a": 1} x', 1, 10),
        (b'{\n "a": tru\n}', 2, 7),
        (b'{\n "\xc3\xa4": \xff}', 2, 7),
    ],
    ids=repr,
)
def test_what_is_not_json_is_refused_with_line_and_column(text, line, column):
    with pytest.raises(ConfigTextError) as caught:
        load_document(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"line {line}, column {column}" in str(caught.value)


def test_a_member_given_twice_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"^maxQueues is 2 but must not be given twice"):
        load_document(b'{"x": {"maxQueues": 1, "maxQueues": 2}}')


def test_a_strange_name_does_not_break_the_message():
    with pytest.raises(ConfigError) as caught:
        load_document(b'{"a\\nb": 1, "a\\nb": 2}')
    assert str(caught.value) == r"['a\nb'] is 2 but must not be given twice in one object"


def test_the_size_is_bounded():
    assert load_document(b" " * (CONFIG_BYTES_MAX - 2) + b"{}") == {}
    with pytest.raises(ConfigError, match=f"must not be longer than {CONFIG_BYTES_MAX} bytes"):
        load_document(b" " * (CONFIG_BYTES_MAX - 1) + b"{}")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
def test_deep_nesting_is_refused(opening):
    with pytest.raises(ConfigError, match="must not be nested so deeply"):
        load_document(opening * 200_000)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused_even_where_nobody_looks(name):
    with pytest.raises(ConfigError, match=f"'{name}' but must be JSON, which has no such number"):
        load_document(b'{"a": {"b": [%s]}}' % name.encode())


def test_an_integer_of_thousands_of_digits_is_refused():
    with pytest.raises(ConfigError, match="thousands of digits"):
        load_document(b'{"a": ' + b"9" * 10_000 + b"}")
