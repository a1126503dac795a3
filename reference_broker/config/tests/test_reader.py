from __future__ import annotations

from typing import Any, Literal

import pytest
from msgspec import Struct, field

from reference_broker.config.errors import ConfigError
from reference_broker.config.findings import Findings
from reference_broker.config.reader import Choice, Unhonoured, pattern_of, read_as
from reference_broker.config.scalars import (
    Attempts,
    Count64,
    CountU32,
    Double,
    Int32,
    Int64,
    Name,
    PartitionCount,
    Port,
    PortOrNone,
    Ratio,
)


class Shape(Choice, frozen=True, kw_only=True):
    square: Int32 | None = None
    name: Name | None = None


class Leaf(Struct, frozen=True, kw_only=True, rename="camel"):
    leaf_count: Int32 = 4
    flag: bool = False


class Tree(Struct, frozen=True, kw_only=True):
    number: Int32
    ratio: Ratio = 0.25
    name: Name = "oak"
    kind: Literal["A", "B"] = "A"
    leaf: Leaf = Leaf()
    leaves: tuple[Leaf, ...] = ()
    shape: Shape | None = None
    odd: Int32 = field(name="oddName", default=0)


def read(raw: Any, table: Any = None) -> tuple[Tree, Findings]:
    return read_as(Tree, raw, table or {})


def test_missing_members_take_their_defaults():
    assert read({"number": 1})[0] == Tree(number=1)


def test_a_missing_member_without_a_default_is_refused():
    with pytest.raises(ConfigError) as caught:
        read({})
    assert str(caught.value) == (
        "number is missing but must be an integer from -2147483648 to 2147483647"
    )


@pytest.mark.parametrize(
    ("raw", "value"),
    [(7, 7), ("7", 7), (7.0, 7), ("-7", -7), (2**31 - 1, 2**31 - 1), (-(2**31), -(2**31))],
    ids=repr,
)
def test_integers(raw, value):
    tree = read({"number": raw})[0]
    assert tree.number == value
    assert type(tree.number) is int


@pytest.mark.parametrize(
    "raw",
    [
        True, None, "", " 7", "7 ", "+7", "0x7", "7.0", "\N{ARABIC-INDIC DIGIT SEVEN}", 7.5, float("nan"), float("inf"),
        2**31, -(2**31) - 1, "2147483648", "9" * 30, [7], {"7": 7},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_integer_in_range_is_refused(raw):
    with pytest.raises(ConfigError, match=r"^number is .* but must be an integer from -2147483648"):
        read({"number": raw})


@pytest.mark.parametrize(
    ("raw", "value"), [(0, 0.0), (1, 1.0), (0.5, 0.5), ("0.5", 0.5), ("1e-2", 0.01)], ids=repr
)
def test_numbers(raw, value):
    tree = read({"number": 1, "ratio": raw})[0]
    assert tree.ratio == value
    assert type(tree.ratio) is float


@pytest.mark.parametrize(
    "raw",
    [True, None, "", "nan", "inf", ".5", 1.0001, -0.0001, float("nan"), float("inf"), 10**400],
    ids=lambda raw: repr(raw)[:20],
)
def test_what_is_no_number_in_range_is_refused(raw):
    with pytest.raises(ConfigError, match=r"^ratio is .* but must be a number from 0 to 1$"):
        read({"number": 1, "ratio": raw})


@pytest.mark.parametrize(
    ("raw", "value"), [(True, True), (False, False), ("true", True), ("false", False)], ids=repr
)
def test_booleans(raw, value):
    assert read({"number": 1, "leaf": {"flag": raw}})[0].leaf.flag is value


@pytest.mark.parametrize("raw", [0, 1, "True", "yes", "", None, [], {}], ids=repr)
def test_what_is_no_boolean_is_refused(raw):
    with pytest.raises(ConfigError, match=r"^leaf\.flag is .* but must be true or false$"):
        read({"number": 1, "leaf": {"flag": raw}})


@pytest.mark.parametrize("raw", ["", 5, None, ["oak"]], ids=repr)
def test_a_name_is_not_empty(raw):
    with pytest.raises(ConfigError, match=r"^name is .* but must be a string that is not empty$"):
        read({"number": 1, "name": raw})


def test_half_a_surrogate_pair_is_refused():
    rule = "must not hold half a surrogate pair"
    with pytest.raises(ConfigError, match=rule) as caught:
        read({"number": 1, "name": "\ud800"})
    assert str(caught.value).isascii()
    with pytest.raises(ConfigError, match=f"{rule} in its name") as caught:
        read({"number": 1, "\udfff": 0})
    assert str(caught.value).isascii()
    assert read({"number": 1, "name": "\U0001f600"})[0].name == "\U0001f600"


@pytest.mark.parametrize("raw", ["C", "a", 0, None, []], ids=repr)
def test_words_come_from_a_list(raw):
    with pytest.raises(ConfigError, match=r"^kind is .* but must be 'A' or 'B'$"):
        read({"number": 1, "kind": raw})


@pytest.mark.parametrize("raw", ["abc", b"abc", {}, None, 3], ids=repr)
def test_what_is_no_list_is_refused(raw):
    with pytest.raises(ConfigError, match=r"^leaves is .* but must be a list$"):
        read({"number": 1, "leaves": raw})


def test_items_of_a_list_are_named_by_index():
    with pytest.raises(ConfigError, match=r"^leaves\[1\]\.leafCount is 'x' but"):
        read({"number": 1, "leaves": [{}, {"leafCount": "x"}]})


@pytest.mark.parametrize(
    ("raw", "chosen"), [({"square": 3}, "square"), ({"name": "disc"}, "name")], ids=repr
)
def test_a_choice_has_one_member(raw, chosen):
    shape = read({"number": 1, "shape": raw})[0].shape
    assert shape is not None
    assert shape.chosen == chosen


@pytest.mark.parametrize(
    "raw", [{}, {"square": 3, "name": "disc"}, {"ring": {}}, {"square": 3, "ring": 1}, "disc", 5]
)
def test_a_choice_with_another_number_of_members_is_refused(raw):
    with pytest.raises(ConfigError) as caught:
        read({"number": 1, "shape": raw})
    assert caught.value.path == "shape"
    assert caught.value.rule == ("must be an object with exactly one member: 'square' or 'name'")


def test_null_is_no_member_of_a_choice_but_is_an_absent_choice():
    assert read({"number": 1, "shape": None})[0].shape is None
    with pytest.raises(ConfigError, match=r"^shape\.square is null but"):
        read({"number": 1, "shape": {"square": None}})


def test_unknown_members_are_reported_with_their_values():
    raw = {"number": 1, "x": {"deep": 1}, "leaves": [{}, {"y y": [2]}], "odd": 3, "oddName": 4}
    tree, findings = read(raw)
    assert tree.odd == 4
    assert findings.unknown == ("x", "leaves[1]['y y']", "odd")
    assert findings.extra == {"x": {"deep": 1}, "leaves[1]['y y']": [2], "odd": 3}
    assert findings.unhonoured == ()


def test_unhonoured_members_are_reported_unless_they_ask_for_nothing():
    table = {
        "ratio": Unhonoured("no ratios"),
        "leaves[].leafCount": Unhonoured("no leaves", neutral=0),
    }
    raw = {"number": 1, "leaves": [{"leafCount": "5"}, {"leafCount": "0"}, {}]}
    findings = read(raw, table)[1]
    assert findings.unhonoured == ("leaves[0].leafCount",)
    assert findings.extra == {"leaves[0].leafCount": "5"}
    findings = read({**raw, "ratio": 0.25}, table)[1]
    assert findings.unhonoured == ("leaves[0].leafCount", "ratio")


def test_an_object_is_an_object():
    for raw in ([], "x", 1, None, [["number", 1]]):
        with pytest.raises(ConfigError, match=r"^the document is .* but must be an object$"):
            read(raw)


def test_patterns_have_no_indexes():
    assert pattern_of("a[0].b[12].c") == "a[].b[].c"


class Scalars(Struct, frozen=True, kw_only=True, rename="camel"):
    count64: Count64 = 0
    count_u32: CountU32 = 0
    int64: Int64 = 0
    attempts: Attempts = 0
    partitions: PartitionCount = 1
    port: Port = 0
    port_or_none: PortOrNone = 0
    double: Double = 0


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("count64", 0, 2**63 - 1),
        ("countU32", 0, 2**32 - 1),
        ("int64", -(2**63), 2**63 - 1),
        ("attempts", 0, 63),
        ("partitions", 1, 65535),
        ("port", 0, 65535),
        ("portOrNone", -1, 65535),
    ],
)
def test_ranges(name, low, high):
    for value in (low, high):
        read_as(Scalars, {name: value}, {})
    for value in (low - 1, high + 1):
        with pytest.raises(ConfigError) as caught:
            read_as(Scalars, {name: value}, {})
        assert str(caught.value) == f"{name} is {value} but must be an integer from {low} to {high}"


def test_a_double_is_finite():
    assert read_as(Scalars, {"double": -1e308}, {})[0].double == -1e308
    for value in (float("inf"), float("-inf"), float("nan")):
        with pytest.raises(ConfigError, match=r"^double is"):
            read_as(Scalars, {"double": value}, {})
