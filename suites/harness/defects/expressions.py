"""Defects of what expressions say of messages, and of the filters of apps."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from reference_broker.base import limits
from reference_broker.core import control, domains
from reference_broker.expr import (
    BINARY,
    CompileErrorCode,
    EvaluationError,
    ExpressionError,
    Predicate,
    compile_expression,
    evaluation,
    parser,
)
from reference_broker.expr import predicate as predicate_module
from reference_broker.expr import tokens as tokens_module
from reference_broker.queue import App, Queue
from reference_broker.wire import property_lookup as property_lookup_module
from reference_broker.wire.control import StatusCategory
from reference_broker.wire.properties import PropertyType
from suites.harness.defects.doors import defect, door, replace, wrap

_INVALID: Final = -(2**31)
_PRIORITY_MAX: Final = 2**30 - 1
_UNLIMITED: Final = 2**31 - 1


def _change_text(change: Callable[[str], str]) -> None:
    """Compile other texts than those that were given, under their names."""

    def compiled(text: str) -> Any:
        original = compile_expression(text)
        meant = compile_expression(change(text))
        return Predicate(text, original.properties, meant._evaluate)

    for module in (control, domains):
        replace(module, "compile_expression", compiled)


def _change_matching(change: Callable[[Predicate, Any], bool]) -> None:
    """Let expressions decide otherwise."""

    def compiled(text: str) -> Any:
        found = compile_expression(text)

        def decide(lookup: Any) -> Any:
            return change(found, lookup)

        return Predicate(text, found.properties, decide)

    for module in (control, domains):
        replace(module, "compile_expression", compiled)


@defect("expr", "SUB EXPR")
def and_or_swapped() -> None:
    """In subscriptions, && means "or" and || means "and"."""
    _change_text(
        lambda text: text.replace("&&", "\0").replace("||", "&&").replace("\0", "||"),
    )


@defect("expr", "SUB APP")
def greater_or_equal_is_greater() -> None:
    """In subscriptions, >= and <= leave equality out."""
    _change_text(lambda text: text.replace(">=", ">").replace("<=", "<"))


@defect("expr", "SUB EXPR")
def integers_compared_as_text() -> None:
    """Numbers in subscriptions are compared digit by digit, like text."""

    def compare(predicate: Predicate, lookup: Any) -> bool:
        def as_text(name: str) -> Any:
            value = lookup(name)
            return b"%d" % value if type(value) is int else value

        return predicate.matches(as_text)

    _change_matching(compare)


@defect("expr", "SUB APP")
def missing_property_is_zero() -> None:
    """A property that a message does not have counts as 0."""

    def zero(predicate: Predicate, lookup: Any) -> bool:
        return predicate.matches(lambda name: 0 if lookup(name) is None else lookup(name))

    _change_matching(zero)


@defect("expr", "SUB APP EXPR")
def errors_are_true() -> None:
    """A message for which an expression has no value is wanted."""

    def true(predicate: Predicate, lookup: Any) -> bool:
        try:
            return predicate.evaluate(lookup)
        except Exception:  # noqa: BLE001 - whatever the product calls it
            return True

    _change_matching(true)


@defect("expr", "SUB")
def failed_comparison_is_false() -> None:
    """A comparison that has no value is false, and the rest of the expression goes on from there."""

    def make(comparison: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(*arguments: Any) -> Any:
            compare = comparison(*arguments)

            def decide(lookup: Any) -> bool:
                try:
                    return bool(compare(lookup))
                except EvaluationError:
                    return False

            return decide

        return lenient

    wrap(evaluation, "_comparison", make)


@defect("expr", "SUB")
def conjunction_not_lazy() -> None:
    """In subscriptions, && looks at what is right of it also where the left is false."""
    boolean = door(evaluation, "_boolean")

    def both(left: Callable[..., Any], right: Callable[..., Any]) -> Callable[..., bool]:
        return lambda lookup: boolean(left(lookup)) & boolean(right(lookup))

    replace(evaluation, "_conjunction", both)


@defect("expr", "SUB")
def or_binds_like_and() -> None:
    """In subscriptions, && and || bind alike, and are read from left to right."""
    replace(parser, "_PRECEDENCES", {**door(parser, "_PRECEDENCES"), "||": 2})


@defect("expr", "SUB")
def strings_compared_without_case() -> None:
    """In subscriptions, the case of letters does not matter."""

    def make(comparison: Callable[..., Any]) -> Callable[..., Any]:
        def small(value: Any) -> Any:
            return value.lower() if isinstance(value, bytes) else value

        def without_case(compare: Callable[..., bool], *sides: Any) -> Any:
            return comparison(lambda a, b: compare(small(a), small(b)), *sides)

        return without_case

    wrap(evaluation, "_comparison", make)


@defect("expr", "SUB SDK")
def booleans_read_as_integers() -> None:
    """A property of type BOOL is the number 0 or 1 in subscriptions."""

    def numbers(predicate: Predicate, lookup: Any) -> bool:
        def number(name: str) -> Any:
            value = lookup(name)
            return int(value) if isinstance(value, bool) else value

        return predicate.matches(number)

    _change_matching(numbers)


@defect("expr", "SUB EXPR")
def long_integers_truncated() -> None:
    """Properties of 64 bits are cut to 32 in subscriptions."""

    def cut(predicate: Predicate, lookup: Any) -> bool:
        def narrow(name: str) -> Any:
            value = lookup(name)
            is_int = type(value) is int
            return (value + 2**31) % 2**32 - 2**31 if is_int else value

        return predicate.matches(narrow)

    _change_matching(cut)


@defect("expr", "SUB")
def binary_exists_as_text() -> None:
    """A property of type BINARY is empty text in subscriptions."""

    def text(predicate: Predicate, lookup: Any) -> bool:
        return predicate.matches(lambda name: b"" if lookup(name) is BINARY else lookup(name))

    _change_matching(text)


@defect("expr", "SUB EXPR")
def bad_expression_matches_nothing() -> None:
    """A consumer's expression that does not compile is false for every message."""

    def compiled(text: str) -> Any:
        try:
            return compile_expression(text)
        except ExpressionError:
            return Predicate(text, (), lambda _: False)

    replace(control, "compile_expression", compiled)


@defect("expr", "SUB EXPR")
def bad_expression_refused() -> None:
    """A consumer whose expression does not compile is refused."""

    def make(predicate: Callable[..., Any]) -> Callable[..., Any]:
        def strict(expression: Any, faults: list[str]) -> Any:
            found = predicate(expression, faults)
            if found is None and expression.text:
                unfit = StatusCategory.E_INVALID_ARGUMENT
                raise control._RefusalError(unfit, -1, "the expression does not compile")
            return found

        return strict

    wrap(control, "_predicate", make)


# The edges of the language.


@defect("expr", "EXPR")
def characters_unsigned() -> None:
    """A property of type CHAR is a number from 0 to 255 in subscriptions."""
    wrap(
        property_lookup_module,
        "_value",
        lambda value: (
            lambda data, span: data[span[1]] if span[0] == PropertyType.CHAR else value(data, span)
        ),
    )


@defect("expr", "EXPR")
def integers_without_end() -> None:
    """Computations in subscriptions grow beyond 64 bits."""

    def unlimited(compute: Callable[..., int], left: Any, right: Any) -> Any:
        exact = arithmetic(compute, left, right)

        def evaluate(lookup: Any) -> int:
            exact(lookup)  # for its errors
            return compute(left(lookup), right(lookup))

        return evaluate

    arithmetic = door(evaluation, "_arithmetic")
    replace(evaluation, "_arithmetic", unlimited)


@defect("expr", "EXPR")
def quotients_rounded_down() -> None:
    """Divisions in subscriptions round down, and a remainder has the sign of the divisor."""
    table = door(evaluation, "_ARITHMETIC")
    check = door(evaluation, "_check_division")

    def checked(compute: Callable[[int, int], int]) -> Callable[[int, int], int]:
        def divide(a: int, b: int) -> int:
            check(a, b)
            return compute(a, b)

        return divide

    changed = {"/": checked(operator.floordiv), "%": checked(operator.mod)}
    replace(evaluation, "_ARITHMETIC", {**table, **changed})


@defect("expr", "EXPR")
def comparisons_chained() -> None:
    """Comparisons in a row are read from left to right, like other operators."""
    replace(parser, "_NOT_ASSOCIATIVE", frozenset())


@defect("expr", "EXPR")
def escapes_resolved() -> None:
    """In strings of subscriptions a backslash goes, and what is behind it stays."""

    def resolved(text: bytes) -> list[Any]:
        return [
            token._replace(text=re.sub(rb"\\(.)", rb"\1", token.text))
            if token.kind == "string"
            else token
            for token in tokens(text)
        ]

    tokens = door(parser, "tokens_of")
    replace(parser, "tokens_of", resolved)


@defect("expr", "EXPR")
def expressions_one_too_long() -> None:
    """A subscription's text may have 129 bytes."""
    _change_limits(EXPRESSION_CHARS_MAX=limits.EXPRESSION_CHARS_MAX + 1)


@defect("expr", "EXPR")
def expressions_measured_in_letters() -> None:
    """A subscription's text may have 128 characters, however many bytes they are."""

    def stretched(text: bytes) -> Any:
        length = len(text.decode())
        assert length <= limits.EXPRESSION_CHARS_MAX * 4
        if length > limits.EXPRESSION_CHARS_MAX:
            raise ExpressionError(CompileErrorCode.TOO_LONG, "too long")
        return parse(text)

    parse = door(predicate_module, "parse")
    _change_limits(EXPRESSION_CHARS_MAX=limits.EXPRESSION_CHARS_MAX * 4)
    replace(predicate_module, "parse", stretched)


@defect("expr", "EXPR")
def properties_are_no_operators() -> None:
    """Ten operators may stand in a subscription, and properties do not count among them."""

    def counted(text: bytes) -> Any:
        parsed = parse(text)
        return parsed._replace(operators=parsed.operators - len(parsed.properties))

    parse = door(predicate_module, "parse")
    replace(predicate_module, "parse", counted)


@defect("expr", "EXPR")
def wide_literals_accepted() -> None:
    """An integer in a subscription may have any number of digits."""
    replace(tokens_module, "INT64_MIN", -(10**100))
    replace(tokens_module, "INT64_MAX", 10**100)


@defect("expr", "EXPR")
def property_names_without_case() -> None:
    """Subscriptions find a property whatever the case of its name is."""

    def lower(predicate: Predicate, lookup: Any) -> bool:
        return predicate.matches(lambda name: lookup(name.lower()))

    _change_matching(lower)


@defect("expr", "EXPR")
def exists_is_no_name() -> None:
    """In subscriptions a property cannot be called `exists`."""
    _change_matching(
        lambda predicate, lookup: predicate.matches(
            lambda name: None if name == "exists" else lookup(name)
        )
    )


def _change_limits(**changes: int) -> None:
    """Let texts be as large as that."""
    changed = {**vars(limits), **changes}
    replace(predicate_module, "limits", SimpleNamespace(**changed))


@defect("wire", "SUB APP SDK")
def new_properties_unseen() -> None:
    """Subscriptions see only properties of the old style."""
    lookup = door(domains, "property_lookup")
    _use_lookup(lambda data, flags, schema, coding: lookup(data, 0 if schema else flags, 0, coding))


@defect("wire", "SUB APP")
def old_properties_unseen() -> None:
    """Subscriptions see only properties of the new style."""
    lookup = door(domains, "property_lookup")
    _use_lookup(
        lambda data, flags, schema, coding: lookup(data, flags if schema else 0, schema, coding)
    )


@defect("wire", "SUB SDK")
def compressed_properties_unseen() -> None:
    """Subscriptions do not see the properties of messages that are compressed."""
    lookup = door(domains, "property_lookup")
    _use_lookup(
        lambda data, flags, schema, coding: lookup(data, 0 if coding else flags, schema, coding)
    )


def _use_lookup(lookup: Callable[..., Any]) -> None:
    replace(domains, "property_lookup", lookup)


# Filters of the domain.


@defect("queue", "APP")
def filters_ignored() -> None:
    """The domain's application subscriptions let everything pass."""
    replace(domains, "_filter_of", lambda *_: None)


@defect("queue", "APP")
def filter_of_the_first_app() -> None:
    """The application subscription of the first app holds for all of them."""

    def first(domain: Any, _: str) -> Any:
        return next(iter(domain.filters.values()), None)

    replace(domains, "_filter_of", first)


@defect("queue", "APP")
def filtered_message_stays() -> None:
    """A message that every app's filter turns away is stored."""

    def make(filtered: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(queue: Queue, messages: Any) -> Any:
            skips = filtered(queue, messages)
            return {o: apps for o, apps in skips.items() if len(apps) < len(queue._registered)}

        return lenient

    wrap(Queue, "_filtered", make)


@defect("queue", "APP")
def filter_asked_at_delivery_only() -> None:
    """What an app's filter turns away is still counted as waiting for the app."""

    def make(skip: Callable[..., None]) -> Callable[..., None]:
        def uncounted(app: App, ordinal: int, size: int) -> None:
            skip(app, ordinal, size)
            app.pending_messages += 1
            app.pending_bytes += size

        return uncounted

    wrap(App, "skip", make)


@defect("config", "APP")
def bad_filter_accepted() -> None:
    """An application subscription that does not compile is passed over."""

    def compiled(text: str) -> Any:
        try:
            return compile_expression(text)
        except ExpressionError:
            return Predicate(text, (), lambda _: True)

    replace(domains, "compile_expression", compiled)


@defect("queue", "APP")
def filter_change_ignored() -> None:
    """RECONFIGURE does not change the filters of queues that exist."""

    def make(set_filter: Callable[..., None]) -> Callable[..., None]:
        def keep(queue: Queue, app_id: str, predicate: Any) -> None:
            if queue.apps[app_id].filter is None:
                set_filter(queue, app_id, predicate)

        return keep

    wrap(Queue, "set_filter", make)
