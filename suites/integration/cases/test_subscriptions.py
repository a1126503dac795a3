"""BMQ-SUB: subscriptions, which choose messages by their properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reference_broker.wire.control import (
    ConfigureStream,
    ConfigureStreamResponse,
    ConsumerInfo,
    Expression,
    ExpressionVersion,
    StreamParameters,
    Subscription,
)
from reference_broker.wire.properties import Property, PropertyType, PropertyValue
from reference_broker.wire.push import FLAG_OUT_OF_ORDER
from suites.harness.topology import FANOUT_DOMAIN
from suites.integration.actor import BYTES_MAX, MESSAGES_MAX, Actor, Want
from suites.integration.case import case
from suites.integration.connections import Wire

_SUBSCRIPTIONS_MAX: Final = 256

#: Expressions and what they say of a message with the properties below.
_TRUTHS: Final = (
    # Integers of every size.
    ("i == 5", True),
    ("i != 5", False),
    ("i > 5", False),
    ("i >= 5", True),
    ("i < 5", False),
    ("i <= 4", False),
    ("i > 4 && i <= 5", True),
    ("l == 5000000000", True),
    ("h == -7", True),
    ("h < i && i < l", True),
    # Arithmetic.
    ("i * 3 - h == 22", True),
    ("l / i == 1000000000", True),
    ("h / 2 == -3", True),
    ("h % 3 == -1", True),
    ("h % 3 == 2 || h / 2 == -4", False),
    ("i * 3 == 14 || i - 3 == 1", False),
    ("-i == -5", True),
    ("-h + 1 == 8", True),
    ("-h == 8", False),
    # Strings, by their bytes.
    ('s == "fo"', False),
    ('s == "FOO"', False),
    ('s != "foo"', False),
    ('s > "fo" && s < "foo "', True),
    ('s > "FOP" && s <= "foo"', True),
    ('s >= "g" || s <= "fo"', False),
    ('s < "bar"', False),
    # Booleans.
    ("b", True),
    ("!b", False),
    ("~f", True),
    ("~b", False),
    ("b == true", True),
    ("f == false && b != false", True),
    ("true != b", False),
    # What binds stronger.
    ("(i + 2) * 3 == 21", True),
    ("i + 2 * 3 == 11", True),
    ("i - 3 - 2 == 0", True),
    ("l / 10 / 10 == 50000000", True),
    ("b || b && f", True),
    ("(b || b) && f", False),
    ("!f && f", False),
    ("h + i < i * 2 && b", True),
    # What there is.
    ("exists(s)", True),
    ("exists(nope)", False),
    ("!exists(nope)", True),
    ("exists(bin)", False),
    ("exists(f) && !f", True),
    # What is not needed is not looked at.
    ("b || nope", True),
    ("b || i", True),
    ("b || nope == 1", True),
    ("!(f && nope)", True),
    ("!(f && i / 0 == 1)", True),
    ("exists(nope) && nope == 1 || b", True),
    # Errors make the whole predicate false: no such property, types that do not fit, arithmetic.
    ("nope == 1", False),
    ("nope != 1", False),
    ("!(nope == 1)", False),
    ("!nope", False),
    ("f || nope", False),
    ("nope || b", False),
    ("nope == 1 || b", False),
    ("i", False),
    ("s", False),
    ("i + 1", False),
    ("b && i", False),
    ("!i", False),
    ("s == 5", False),
    ("!(s == 5)", False),
    ("s != 5", False),
    ("i == true", False),
    ("b == b", False),
    ("b > f", False),
    ("!(b + 1 == 2)", False),
    ("bin == 1", False),
    ("!(bin == 1)", False),
    ("i / 0 == 1", False),
    ("!(i / 0 == 1)", False),
    ("!(i % 0 == 1) || b", False),
)  # fmt: skip


def _x(*values: int) -> list[dict[str, int]]:
    return [{"x": value} for value in values]


def _guids(actor: Actor, count: int) -> list[bytes]:
    return [push.guid for push in actor.take_pushes(count)]


def _is_quiet(*actors: Actor) -> None:
    for actor in actors:
        actor.settle()
        assert not actor.pushes, f"{len(actor.pushes)} messages nobody asked for"


@case(
    "BMQ-SUB-1",
    statement="A message goes to a consumer whose expression is true for it.",
    expectation="Consumers for `x > 0` and `x <= 0` share ten messages accordingly, in order.",
    proves=("SUB-1",),
)
def test_routing_by_expression(wire: Wire, queue_uri: str) -> None:
    positive = wire.subscriber(queue_uri, Want("x > 0"), name="positive")
    others = wire.subscriber(queue_uri, Want("x <= 0"), name="others")
    values = (3, -3, 2, -2, 1, 0, 0, 1, -2, 2)
    guids = wire.writer(queue_uri).post_with(*_x(*values))
    for actor, is_positive in ((positive, True), (others, False)):
        due = [guid for guid, x in zip(guids, values, strict=True) if (x > 0) is is_positive]
        assert _guids(actor, len(due)) == due
        _is_quiet(actor)
        actor.confirm(*due)


@case(
    "BMQ-SUB-2",
    statement="A consumer may have several subscriptions; the PUSH names the one that matched.",
    expectation="Three subscriptions of one consumer, three messages: each comes once, with the "
    "sId of the one that matches.",
    proves=("SUB-3",),
)
def test_several_of_one_consumer(wire: Wire, queue_uri: str) -> None:
    consumer = wire.subscriber(queue_uri, *(Want(f"x == {x}") for x in (1, 2, 3)))
    guids = wire.writer(queue_uri).post_with(*_x(3, 1, 2))
    pushes = consumer.take_pushes(3)
    # One event may be one PUSH message for each subscription, in whatever order.
    assert {push.guid: push.ids for push in pushes} == {
        guids[0]: (3,),
        guids[1]: (1,),
        guids[2]: (2,),
    }
    _is_quiet(consumer)
    consumer.confirm(*guids)


@case(
    "BMQ-SUB-3",
    statement="Going down the priorities, the first subscription that matches gets the message.",
    expectation="Priority 2 for `x >= 10`, priority 1 for everything: each gets its part, and the "
    "higher one gets what both want.",
    proves=("SUB-2", "SUB-4"),
)
def test_priorities(wire: Wire, queue_uri: str) -> None:
    low = wire.subscriber(queue_uri, Want(priority=1), name="low")
    high = wire.subscriber(queue_uri, Want("x >= 10", priority=2), name="high")
    guids = wire.writer(queue_uri).post_with(*_x(10, 1, 11, 2))
    assert _guids(high, 2) == guids[::2]
    assert _guids(low, 2) == guids[1::2]
    _is_quiet(high, low)
    high.confirm(*guids[::2])
    low.confirm(*guids[1::2])


@case(
    "BMQ-SUB-4",
    statement="Subscriptions with the same expression take turns, those of the highest priority "
    "only.",
    expectation="Weights 2 and 1 at priority 1, a third one at priority 0, one expression: of six "
    "messages A gets 0 1 3 4 and B 2 5, or, since either may be the first, B 0 3; the third one gets "
    "nothing.",
    proves=("SUB-5",),
)
def test_round_robin_in_a_group(wire: Wire, queue_uri: str) -> None:
    shares = {"A": (1, 2), "B": (1, 1), "C": (0, 1)}
    actors = {
        name: wire.subscriber(queue_uri, Want("x == 1", priority, weight), name=name)
        for name, (priority, weight) in shares.items()
    }
    guids = wire.writer(queue_uri).post_with(*_x(1, 1, 1, 1, 1, 1))
    for actor in actors.values():
        actor.settle()
    got = {name: [guids.index(push.guid) for push in it.pushes] for name, it in actors.items()}
    assert got["B"] in ([2, 5], [0, 3])
    assert got["A"] == [index for index in range(6) if index not in got["B"]]
    assert got["C"] == []
    for name in ("A", "B"):
        actors[name].confirm(*(guids[index] for index in got[name]))


@case(
    "BMQ-SUB-5",
    statement="A message that matches a full subscription waits for it and never goes to a lower "
    "priority; later messages overtake it.",
    expectation="`x == 1` at priority 2 holds its one message; the next such message waits, one for "
    "the lower priority overtakes it; after a confirmation it comes, flagged OUT_OF_ORDER.",
    proves=("SUB-6", "SUB-7", "SUB-8"),
)
def test_full_subscription_is_overtaken(wire: Wire, queue_uri: str) -> None:
    # BlazingMQ fails here: its router does not look below the priority whose subscription is full,
    # and then reports that no subscription at all has room, so that the delivery stops for everybody.
    # It means it otherwise: what only lacks room itself is put aside, not to block others.
    low = wire.subscriber(queue_uri, Want(priority=1), name="low")
    high = wire.subscriber(queue_uri, Want("x == 1", priority=2, messages=1), name="high")
    first, waiting, other = wire.writer(queue_uri).post_with(*_x(1, 1, 2))
    assert _guids(high, 1) == [first]
    assert _guids(low, 1) == [other]
    _is_quiet(high, low)
    high.confirm(first)
    (push,) = high.take_pushes(1)
    assert push.guid == waiting
    assert push.flags & FLAG_OUT_OF_ORDER
    _is_quiet(high, low)
    high.confirm(waiting)
    low.confirm(other)


@case(
    "BMQ-SUB-6",
    statement="A message that matches nothing is put aside until the subscriptions change.",
    expectation="It comes to nobody, and holds nobody up; a new consumer, and one that subscribes "
    "anew, get what they want of it, and the rest stays.",
    proves=("SUB-2", "SUB-9", "SUB-10"),
)
def test_put_aside_until_subscriptions_change(wire: Wire, queue_uri: str) -> None:
    first = wire.subscriber(queue_uri, Want("x == 1"), name="first")
    producer = wire.writer(queue_uri)
    two, one, three, four = producer.post_with(*_x(2, 1, 3, 4))
    assert _guids(first, 1) == [one]
    second = wire.subscriber(queue_uri, Want("x == 3"), name="second")
    assert _guids(second, 1) == [three]
    _is_quiet(first)
    first.subscribe(Want("x <= 2"))
    assert _guids(first, 1) == [two]
    _is_quiet(first, second)
    last = wire.reader(queue_uri, "last")
    assert _guids(last, 1) == [four]
    for actor, guids in ((first, (one, two)), (second, (three,)), (last, (four,))):
        actor.confirm(*guids)


@case(
    "BMQ-SUB-7",
    statement="An expression that is not boolean, lacks a property or cannot be evaluated is false; "
    "evaluation is lazy; integers, strings and booleans have their operators.",
    expectation=f"{len(_TRUTHS)} expressions, one after the other, above a subscription to "
    "everything: each message goes where the truth of the expression sends it.",
    proves=(
        "EXPR-1",
        "EXPR-8",
        "EXPR-9",
        "EXPR-10",
        "EXPR-11",
        "EXPR-12",
        "EXPR-13",
        "EXPR-14",
        "EXPR-15",
        "EXPR-16",
        "EXPR-17",
        "EXPR-18",
        "EXPR-19",
        "EXPR-20",
        "EXPR-21",
    ),
)
def test_truth_of_expressions(wire: Wire, queue_uri: str) -> None:
    consumer, producer = wire.actor("consumer"), wire.writer(queue_uri)
    consumer.open(queue_uri, read=True)
    message: dict[str, PropertyValue | Property] = {
        "i": Property("i", PropertyType.INT32, 5),
        "h": Property("h", PropertyType.SHORT, -7),
        "l": 5_000_000_000,
        "b": True,
        "f": False,
        "s": "foo",
        "bin": b"binary",
    }
    wrong: list[str] = []
    for text, is_true in _TRUTHS:
        chosen, other = consumer.subscribe(Want(text, priority=2), Want(priority=1))
        (guid,) = producer.post_with(message)
        (push,) = consumer.take_pushes(1)
        assert push.guid == guid
        if push.ids != (chosen if is_true else other,):
            wrong.append(f"{text} is not {is_true}")
        consumer.confirm(guid)
    assert not wrong


@case(
    "BMQ-SUB-8",
    statement="An expression that does not compile makes no request fail, and counts as true.",
    expectation="For a syntax error, an overflow, no property at all, too many operators and a text "
    "that is too long, configureStream succeeds and the message comes.",
    proves=("SUB-11", "EXPR-2", "EXPR-3", "EXPR-4", "EXPR-5", "EXPR-6", "EXPR-7"),
)
def test_expressions_that_do_not_compile(wire: Wire, queue_uri: str) -> None:
    consumer, producer = wire.actor("consumer"), wire.writer(queue_uri)
    consumer.open(queue_uri, read=True)
    for text in (
        "x ==",
        "i-1 == 4",
        "x = 5",
        "x == 99999999999999999999",
        "1 == 2",
        "a||b||c||d||e||f",
        f'x == {"1" * 10} || s == "{"s" * 120}"',
    ):
        (s_id,) = consumer.subscribe(Want(text))
        (guid,) = producer.post_with({"x": 0})
        (push,) = consumer.take_pushes(1)
        assert (push.guid, push.ids) == (guid, (s_id,)), text
        consumer.confirm(guid)


@case(
    "BMQ-SUB-9",
    statement="A consumer may have many subscriptions.",
    expectation=f"{_SUBSCRIPTIONS_MAX} of them, each for a value of its own: each of as many "
    "messages comes once, with the sId of its value.",
    proves=("CFG-16",),
)
def test_many_subscriptions(wire: Wire, queue_uri: str) -> None:
    numbers = range(_SUBSCRIPTIONS_MAX)
    consumer = wire.subscriber(queue_uri, *(Want(f"x == {x}") for x in numbers))
    guids = wire.writer(queue_uri).post_with(*_x(*numbers))
    pushes = consumer.take_pushes(_SUBSCRIPTIONS_MAX)
    assert {push.guid: push.ids for push in pushes} == {
        guid: (1 + x,) for x, guid in enumerate(guids)
    }
    _is_quiet(consumer)
    consumer.confirm(*guids)


@case(
    "BMQ-SUB-10",
    statement="Expressions see properties in both encodings, also when the message is compressed.",
    expectation="New style and old style, compressed and not: all four are routed by `x == 1`; a "
    "message without properties is not.",
    proves=("PROP-8", "EXPR-22"),
)
def test_both_encodings(wire: Wire, queue_uri: str) -> None:
    consumer = wire.subscriber(queue_uri, Want("x == 1", priority=2), Want(priority=1))
    producer = wire.writer(queue_uri)
    payload = b"payload " * 200
    puts = [
        producer.put_with({"x": 1}, payload, new_style=new_style, is_compressed=is_compressed)
        for new_style in (True, False)
        for is_compressed in (True, False)
    ]
    guids = producer.post_puts([*puts, *producer.puts([b"without any"])])
    pushes = {push.guid: push.ids for push in consumer.take_pushes(5)}
    assert pushes == dict(zip(guids, [(1,)] * 4 + [(2,)], strict=True))
    consumer.confirm(*guids)


@case(
    "BMQ-SUB-11",
    statement="Subscribing anew moves nothing that the consumer holds.",
    expectation="What was delivered is not delivered again, though it does not match any more, and "
    "may be confirmed; newer messages follow the new expression.",
    proves=("CFG-13",),
)
def test_subscribing_anew_keeps_messages(wire: Wire, queue_uri: str) -> None:
    consumer, producer = wire.subscriber(queue_uri, Want("x == 1")), wire.writer(queue_uri)
    held = producer.post_with(*_x(1, 1))
    assert _guids(consumer, 2) == held
    consumer.subscribe(Want("x == 2"))
    one, two = producer.post_with(*_x(1, 2))
    assert _guids(consumer, 1) == [two]
    _is_quiet(consumer)
    consumer.confirm(*held, two)
    consumer.settle()
    consumer.shut(queue_uri, read=True)
    other = wire.reader(queue_uri, "other")
    assert _guids(other, 1) == [one]
    _is_quiet(other)
    other.confirm(one)


@case(
    "BMQ-SUB-12",
    statement="What comes back is routed like anything else.",
    expectation="A consumer of everything is lost with six messages; two consumers that wait with "
    "expressions get the ones that match, in order, and the rest stays for whoever wants it.",
    proves=("BACK-5",),
)
def test_redelivery_by_expression(wire: Wire, queue_uri: str) -> None:
    lost = wire.subscriber(queue_uri, Want(priority=9), name="lost")
    one = wire.subscriber(queue_uri, Want("x == 1"), name="one")
    two = wire.subscriber(queue_uri, Want("x == 2"), name="two")
    guids = wire.writer(queue_uri).post_with(*_x(1, 2, 3, 1, 2, 3))
    assert _guids(lost, 6) == guids
    lost.crash()
    assert _guids(one, 2) == guids[0::3]
    assert _guids(two, 2) == guids[1::3]
    rest = wire.reader(queue_uri, "rest", priority=-1)
    assert _guids(rest, 2) == guids[2::3]
    _is_quiet(one, two, rest)
    for start, actor in enumerate((one, two, rest)):
        actor.confirm(*guids[start::3])


@case(
    "BMQ-SUB-13",
    statement="Messages and bytes are counted for each subscription by itself.",
    expectation="One consumer, limits 1 and 3: one message of the first kind and three of the second "
    "come; a confirmation makes room for its own kind only.",
    proves=("FLOW-5",),
)
def test_limits_of_each_subscription(wire: Wire, queue_uri: str) -> None:
    consumer = wire.subscriber(queue_uri, Want("x == 1", messages=1), Want("x == 2", messages=3))
    guids = wire.writer(queue_uri).post_with(*_x(1, 1, 2, 2, 2, 2))
    first = consumer.take_pushes(4)
    assert sorted((push.guid, push.ids) for push in first) == sorted(
        [(guids[0], (1,)), *((guid, (2,)) for guid in guids[2:5])]
    )
    _is_quiet(consumer)
    consumer.confirm(guids[0])
    assert _guids(consumer, 1) == [guids[1]]
    _is_quiet(consumer)
    consumer.confirm(*guids[1:5])
    assert _guids(consumer, 1) == [guids[5]]
    consumer.confirm(guids[5])


@case(
    "BMQ-SUB-14",
    statement="Each app of a fanout queue has its own subscriptions.",
    expectation="foo wants `x == 1`, bar `x == 2`, baz everything: each gets its part; what foo and "
    "bar do not want waits for them.",
    proves=("SUB-12",),
)
def test_subscriptions_of_each_app(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(FANOUT_DOMAIN)
    wants = {"foo": "x == 1", "bar": "x == 2", "baz": ""}
    actors = {
        app_id: wire.subscriber(uri, Want(text), name=app_id, app_id=app_id)
        for app_id, text in wants.items()
    }
    guids = wire.writer(uri).post_with(*_x(1, 2, 1))
    due = {"foo": guids[::2], "bar": guids[1:2], "baz": guids}
    for app_id, actor in actors.items():
        assert _guids(actor, len(due[app_id])) == due[app_id], app_id
    _is_quiet(*actors.values())
    for app_id, actor in actors.items():
        actor.subscribe(Want(), app_id=app_id)
        rest = [guid for guid in guids if guid not in due[app_id]]
        assert _guids(actor, len(rest)) == rest, app_id
        actor.confirm(*guids, app_id=app_id)
        _is_quiet(actor)


@case(
    "BMQ-SUB-15",
    statement="A subscription may name several consumers, each with a priority.",
    expectation="The answer echoes them; messages come with the one sId. It is as high as its highest "
    "consumer, wherever that stands: above a rival of priority 1 with the priorities 1 and 2, and "
    "with 2 and 1; below it with 0 and -1.",
    proves=("CFG-1", "CFG-15", "SUB-4"),
)
def test_several_consumers_of_a_subscription(wire: Wire, queue_uri: str) -> None:
    rival = wire.subscriber(queue_uri, Want("x == 1", priority=1), name="rival")
    actor = wire.actor()
    actor.open(queue_uri, read=True, write=True)
    expression = Expression(ExpressionVersion.E_VERSION_1, "x == 1")
    for s_id, priorities, winner, ids in (
        (7, (1, 2), actor, (7,)),
        (8, (2, 1), actor, (8,)),
        (9, (0, -1), rival, (1,)),
    ):
        consumers = tuple(ConsumerInfo(MESSAGES_MAX, BYTES_MAX, each, 1) for each in priorities)
        parameters = StreamParameters(subscriptions=(Subscription(s_id, expression, consumers),))
        request = ConfigureStream(q_id=0, stream_parameters=parameters)
        assert actor.request(request) == ConfigureStreamResponse(request=request)
        guids = actor.post_with(*_x(1, 1, 1))
        came = [(push.guid, push.ids) for push in winner.take_pushes(3)]
        assert came == [(guid, ids) for guid in guids], priorities
        _is_quiet(actor, rival)
        winner.confirm(*guids)


@case(
    "BMQ-SUB-16",
    statement="Once a subscription is gone nothing comes in its name; what it has put off goes to "
    "whom it matches now.",
    expectation="A full subscription's waiting message goes to a lower one as soon as the higher "
    "consumer deconfigures; what the higher one holds stays with it.",
    proves=("CFG-12", "CFG-14", "SUB-10"),
)
def test_waiting_for_one_that_leaves(wire: Wire, queue_uri: str) -> None:
    low = wire.subscriber(queue_uri, Want(priority=1), name="low")
    high = wire.subscriber(queue_uri, Want("x == 1", priority=2, messages=1), name="high")
    held, waiting = wire.writer(queue_uri).post_with(*_x(1, 1))
    assert _guids(high, 1) == [held]
    _is_quiet(low)
    high.deconfigure()
    assert _guids(low, 1) == [waiting]
    _is_quiet(high, low)
    high.confirm(held)
    low.confirm(waiting)
    high.settle()
    high.shut(queue_uri, read=True)
    _is_quiet(low)
