"""BMQ-EXPR: expressions at the edges of their language, seen through delivery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reference_broker.wire.properties import Property, PropertyType, PropertyValue
from suites.integration.actor import Actor, Want
from suites.integration.case import case
from suites.integration.connections import Wire

_CHARS_MAX: Final = 128
_OPERATORS_MAX: Final = 10
_INT64_MAX: Final = 2**63 - 1
_INT64_MIN: Final = -(2**63)

_Message = Mapping[str, PropertyValue | Property]


def _number(name: str, kind: PropertyType, value: int) -> Property:
    return Property(name, kind, value)


def _check(
    wire: Wire, uri: str, message: _Message, truths: Iterable[tuple[str, bool | None]]
) -> None:
    """See what expressions say of a message.

    Args:
        wire: to the target.
        uri: of a queue that nobody has used.
        message: its properties.
        truths: an expression, and whether it is true of the message; None if it does not compile,
            in which case it is as good as none. Those that are true and those that do not compile
            look alike, so a text that must not compile has to be one that would be false.
    """
    consumer, producer = wire.actor("consumer"), wire.writer(uri)
    consumer.open(uri, read=True)
    wrong = [
        f"{text} is not {'refused' if is_true is None else is_true}"
        for text, is_true in truths
        if _matches(consumer, producer, message, text) is (is_true is False)
    ]
    assert not wrong


def _matches(consumer: Actor, producer: Actor, message: _Message, text: str) -> bool:
    """Whether a message comes to a subscription rather than to the one below it."""
    chosen, other = consumer.subscribe(Want(text, priority=2), Want(priority=1))
    (guid,) = producer.post_with(message)
    (push,) = consumer.take_pushes(1)
    assert push.guid == guid
    assert push.ids in {(chosen,), (other,)}, push
    consumer.confirm(guid)
    return push.ids == (chosen,)


@case(
    "BMQ-EXPR-1",
    statement="CHAR, SHORT, INT32 and INT64 are signed integers, whatever their size.",
    expectation="The smallest and the greatest value of each type: each is equal to its number, "
    "compares and computes with those of other types, and is no text.",
    proves=("EXPR-8", "EXPR-10", "EXPR-13", "EXPR-18"),
)
def test_integer_types(wire: Wire, queue_uri: str) -> None:
    message = {
        "a": Property("a", PropertyType.CHAR, b"A"),
        "c": Property("c", PropertyType.CHAR, b"\x80"),
        "d": Property("d", PropertyType.CHAR, b"\xff"),
        "h": _number("h", PropertyType.SHORT, -(2**15)),
        "i": _number("i", PropertyType.INT32, -(2**31)),
        "j": _number("j", PropertyType.INT32, 2**31 - 1),
        "l": _number("l", PropertyType.INT64, _INT64_MIN),
        "m": _number("m", PropertyType.INT64, _INT64_MAX),
    }
    truths = (
        ("a == 65", True),
        ('a == "A"', False),
        ("a + 1 == 66 && a - 66 == d", True),
        ("c == -128", True),
        ("d == -1", True),
        ("h == -32768", True),
        ("i == -2147483648", True),
        ("j == 2147483647", True),
        ("j + 1 == 2147483648", True),
        ("i - j == -4294967295", True),
        (f"l == {_INT64_MIN}", True),
        (f"m == {_INT64_MAX}", True),
        ("l < i && i < h", True),
        ("h < c && c < d", True),
        ("d < a && a < j", True),
        ("j < m && m > d", True),
    )
    _check(wire, queue_uri, message, truths)


@case(
    "BMQ-EXPR-2",
    statement="Computations wrap around at 64 bits; only a division can fail.",
    expectation="Sums, differences and products beyond the range come back at its other end, and "
    "the smallest number is its own negative; it divided by -1, and anything by 0, is an error, "
    "which even its own negation does not make true.",
    proves=("EXPR-19", "EXPR-23"),
)
def test_wrap_around(wire: Wire, queue_uri: str) -> None:
    message = {"min": _INT64_MIN, "max": _INT64_MAX, "one": 1, "zero": 0}
    truths = (
        ("max + 1 == min", True),
        ("min - 1 == max", True),
        ("max + max == -2", True),
        ("max * 2 == -2", True),
        ("max * max == 1", True),
        ("min * 2 == 0", True),
        ("- min == min", True),
        ("max + 1 > max", False),
        ("min / one == min", True),
        ("min / -1 == min", False),
        ("!(min / -1 == min)", False),
        ("!(min % -1 == 0)", False),
        ("!(one / zero == 1)", False),
        ("!(one % zero == 1)", False),
    )
    _check(wire, queue_uri, message, truths)


@case(
    "BMQ-EXPR-3",
    statement="A quotient is cut toward zero, and a remainder has the sign of what is divided.",
    expectation="7 and -7 by 2 and -2, by properties and by literals: 3, -3, -3, 3, and the "
    "remainders 1, -1, 1, -1.",
    proves=("EXPR-24",),
)
def test_signs_of_quotients(wire: Wire, queue_uri: str) -> None:
    quotients = {(7, 2): 3, (-7, 2): -3, (7, -2): -3, (-7, -2): 3}
    message = {"n": 7, "m": -7, "p": 2, "q": -2}
    names = {7: "n", -7: "m", 2: "p", -2: "q"}
    truths = [
        (text, True)
        for (dividend, divisor), quotient in quotients.items()
        for text in (
            f"{names[dividend]} / {divisor} == {quotient}",
            f"{names[dividend]} % {divisor} == {dividend - divisor * quotient}",
            f"{dividend} / {names[divisor]} == {quotient}",
            f"{dividend} % {names[divisor]} == {dividend - divisor * quotient}",
        )
    ]
    _check(wire, queue_uri, message, truths)


@case(
    "BMQ-EXPR-4",
    statement="Comparisons cannot be chained: such a text does not compile, and so matches "
    "everything; operators of other ranks can.",
    expectation="Chains of `<` and of `==`, false however they are read, let the message through; "
    "with parentheses they are the errors or the values that they seem.",
    proves=("EXPR-1", "EXPR-2", "EXPR-11", "EXPR-12"),
)
def test_chained_comparisons(wire: Wire, queue_uri: str) -> None:
    truths: tuple[tuple[str, bool | None], ...] = (
        ("9 < i < 1", None),
        ("9 < i >= 8", None),
        ("i == 4 == false == b", None),
        ("i != 5 != b", None),
        ("(9 < i) < 1", False),
        ("(i == 5) == b", False),
        ("i < 9 == true", True),
        ("i < 9 == false", False),
        ("(i == 5) == true", True),
        ("true == b", True),
        ("(i < 1 == false) != false", True),
        ("10 - 3 - 2 == i", True),
        ("40 / 4 / 2 == i", True),
        ("40 % 15 % 6 == 4 && b", True),
    )
    _check(wire, queue_uri, {"i": 5, "b": True}, truths)


@case(
    "BMQ-EXPR-5",
    statement="A string is what stands between the quotes, to the byte: a backslash keeps a quote "
    "from ending it, and stays.",
    expectation="Backslashes, quotes and letters beyond ASCII in values and literals: equal where "
    "the bytes are, and in the order of bytes; `\"` without an end and `'` do not compile.",
    proves=("EXPR-10", "EXPR-25"),
)
def test_strings(wire: Wire, queue_uri: str) -> None:
    message = {"q": 'a"b', "e": 'a\\"b', "n": "a\\nb", "u": "é", "empty": ""}
    truths: tuple[tuple[str, bool | None], ...] = (
        (r'e == "a\"b"', True),
        (r'q == "a\"b"', False),
        (r'n == "a\nb"', True),
        (r'n == "a\\nb"', False),
        ('n == "a\nb"', False),
        ('u == "é"', True),
        ('u > "z"', True),
        ('u == "E"', False),
        ('empty == ""', True),
        ('empty < "a" && "" < q', True),
        ('"a" < q && q < e', True),
        (r'q == "a\"', None),
        ('q == "a', None),
        ("q == 'a'", None),
    )
    _check(wire, queue_uri, message, truths)


@case(
    "BMQ-EXPR-6",
    statement=f"A text of more than {_CHARS_MAX} bytes does not compile.",
    expectation=f"A false expression of {_CHARS_MAX - 1} and of {_CHARS_MAX} bytes turns the message "
    "away; one byte more lets it through, also where that makes no more letters.",
    proves=("EXPR-7",),
)
def test_longest_text(wire: Wire, queue_uri: str) -> None:
    short = 's == "é"'.ljust(_CHARS_MAX - 1)
    assert len(short.encode()) == _CHARS_MAX
    truths: tuple[tuple[str, bool | None], ...] = (
        ("x == 2".ljust(_CHARS_MAX - 1), False),
        ("x == 2".ljust(_CHARS_MAX), False),
        ("x == 2".ljust(_CHARS_MAX + 1), None),
        (short, False),
        (f"{short} ", None),
    )
    _check(wire, queue_uri, {"x": 1, "s": "e"}, truths)


@case(
    "BMQ-EXPR-7",
    statement=f"A text of more than {_OPERATORS_MAX} operators does not compile; each use of a "
    "property and each `exists` is one, and so is each sign in front.",
    expectation=f"False expressions of {_OPERATORS_MAX} turn the message away, those with one more "
    "let it through: signs, sums, properties, and `exists` with its property as one.",
    proves=("EXPR-6",),
)
def test_most_operators(wire: Wire, queue_uri: str) -> None:
    truths: tuple[tuple[str, bool | None], ...] = (
        ("!" * 9 + "b", False),
        ("!" * 11 + "b", None),
        ("x == 1" + " + 1" * 8, False),
        ("x == 1" + " + 1" * 9, None),
        ("f||f||f||f||f", False),
        ("f||f||f||f||!b", False),
        ("f||f||f||f||f||f", None),
        ("exists(n)||exists(n)||exists(n)||exists(n)||!b", False),
        ("exists(n)||exists(n)||exists(n)||exists(n)||!!!b", None),
        ("((((((((((((f))))))))))))", False),
        ("f" + " || false" * 9, False),
        ("f" + " || false" * 10, None),
    )
    _check(wire, queue_uri, {"x": 1, "b": True, "f": False}, truths)


@case(
    "BMQ-EXPR-8",
    statement="An integer in a text is one of 64 bits.",
    expectation="The least and the greatest one can be written, with zeros in front too; one beyond "
    "either end, and a number that is none, do not compile.",
    proves=("EXPR-2", "EXPR-4"),
)
def test_widest_integers(wire: Wire, queue_uri: str) -> None:
    truths: tuple[tuple[str, bool | None], ...] = (
        (f"x < {_INT64_MIN}", False),
        (f"x > {_INT64_MAX}", False),
        (f"x >= {_INT64_MIN} && x <= {_INT64_MAX}", True),
        (f"x == {'0' * 20}5", True),
        (f"x < {_INT64_MIN - 1}", None),
        (f"x > {_INT64_MAX + 1}", None),
        ("x == 0x6", None),
        ("x == 6.0", None),
        ("x == +6", None),
        ("x == 6e0", None),
    )
    _check(wire, queue_uri, {"x": 5}, truths)


@case(
    "BMQ-EXPR-9",
    statement="The name of a property begins with a letter; digits, `_` and `.` may follow. Case "
    "matters, and of the words of the language only `true` and `false` are taken.",
    expectation="Names of every form are seen, `exists` and `TRUE` among them; names of other forms "
    "do not compile; blanks, tabs and new lines are all the same.",
    proves=("EXPR-2", "EXPR-16", "EXPR-26"),
)
def test_names(wire: Wire, queue_uri: str) -> None:
    names = ("a", "A", "a1", "a_b.c", "exists", "TRUE", "trueish", "n" * 60)
    message = {name: number for number, name in enumerate(names)}
    truths: tuple[tuple[str, bool | None], ...] = (
        *((f"{name} == {number}", True) for name, number in message.items()),
        ("exists(exists)", True),
        ("exists (a) && !exists(AA)", True),
        ("a\t==\n0", True),
        ("exists(A) && A == 0", False),
        ("_a == 0 && a == 9", None),
        ("1a == 0 && a == 9", None),
        ("a-b == 9", False),
        ("a:b == 9", None),
        ("true == 9", None),
        ("a == 9\r", None),
    )
    _check(wire, queue_uri, message, truths)
