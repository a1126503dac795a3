"""Streams and flow control."""

from __future__ import annotations

import pytest

from reference_broker.queue import DeliveryBudget, Stream, Subscription
from reference_broker.queue.stream import SIZE_MASK
from reference_broker.queue.tests.shapes import ROOMY, Bench, guid, held, message, spec


def test_the_observed_message_limit():
    bench = Bench()
    stream = bench.reader(spec(10))
    bench.post(*range(40))
    delivered = [len(bench.numbers())]
    for confirmed in range(4):
        bench.confirm(stream, confirmed)
        delivered.append(len(bench.numbers()))
    assert delivered == [10, 0, 2, 0, 2]


def test_the_observed_byte_limit():
    bench = Bench()
    stream = bench.reader(spec(size=100))
    bench.post(*range(40), size=40)
    delivered = [len(bench.numbers())]
    for confirmed in range(4):
        bench.confirm(stream, confirmed)
        delivered.append(len(bench.numbers()))
    assert delivered == [3, 1, 1, 1, 1]


@pytest.mark.parametrize(("messages", "size"), [(0, ROOMY), (ROOMY, 0), (0, 0)])
def test_a_limit_of_zero_delivers_nothing(messages: int, size: int):
    bench = Bench()
    bench.reader(spec(messages, size))
    bench.post(1)
    assert bench.numbers() == []


@pytest.mark.parametrize(
    ("limit", "resumes_at"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (6, 5), (9, 8), (10, 8)]
)
def test_eighty_percent_is_rounded_up(limit: int, resumes_at: int):
    subscription = Subscription(Stream(1, 0, 0), spec(limit))
    messages = [message(n, n) for n in range(limit)]
    assert subscription.take(messages, DeliveryBudget()) == limit
    assert subscription.is_full
    is_free = []
    for _ in range(limit):
        popped = subscription.unconfirmed.popitem()[1]
        subscription.unconfirmed_bytes -= popped & SIZE_MASK
        subscription.update_fullness()
        is_free.append(not subscription.is_full)
    assert is_free.index(True) == limit - 1 - min(resumes_at, limit - 1)


def test_both_counts_must_fall_before_delivery_goes_on():
    bench = Bench()
    stream = bench.reader(spec(messages=4, size=100))
    bench.post(1, size=100)
    bench.post(2, 3, 4, 5, 6, 7)
    assert bench.numbers() == [1]  # full of bytes
    bench.configure(stream, spec(messages=4, size=104))
    assert bench.numbers() == [2, 3, 4]  # full of messages: 103 bytes
    bench.confirm(stream, 2)
    assert bench.numbers() == []  # 3 <= 4 messages, but 102 > 84 bytes
    bench.confirm(stream, 1)
    assert bench.numbers() == [5, 6]


def test_the_last_message_may_exceed_the_byte_limit():
    bench = Bench()
    stream = bench.reader(spec(size=10))
    bench.post(1, 2, size=1_000)
    assert bench.numbers() == [1]
    assert stream.subscriptions[0].unconfirmed_bytes == 1_000
    assert stream.subscriptions[0].is_full


def test_configuring_again_keeps_what_is_held():
    bench = Bench()
    stream = bench.reader(spec(2))
    bench.post(1, 2, 3)
    assert bench.numbers() == [1, 2]
    bench.configure(stream, spec(3, push_id=9))
    assert bench.numbers() == [3]
    (subscription,) = stream.subscriptions
    assert subscription.spec.push_id == 9
    assert held(stream) == [1, 2, 3]


def test_a_smaller_limit_stops_the_deliveries_until_enough_is_confirmed():
    bench = Bench()
    stream = bench.reader(spec(5))
    bench.post(*range(10))
    bench.numbers()
    bench.configure(stream, spec(2))
    assert bench.numbers() == []
    bench.confirm(stream, 0, 1, 2)
    assert bench.numbers() == []  # 2 held, at the limit
    bench.confirm(stream, 3)
    assert bench.numbers() == [5]


def test_configuring_resets_the_hysteresis():
    bench = Bench()
    stream = bench.reader(spec(10))
    bench.post(*range(20))
    bench.numbers()
    bench.confirm(stream, 0)
    assert bench.numbers() == []  # 9 > 8
    bench.configure(stream, spec(10))
    assert bench.numbers() == [10]


def test_deconfiguring_moves_nothing_and_the_client_may_still_confirm():
    bench = Bench()
    stream = bench.reader(spec(2))
    other = bench.reader(spec(priority=-1), connection=2)
    bench.post(1, 2, 3)
    bench.numbers()
    bench.configure(stream)
    assert bench.turns() == [(other, 3)]
    assert bench.confirm(stream, 1) == [1]
    assert bench.queue.statistics().unconfirmed == 2


def test_a_stream_that_is_configured_after_that_counts_what_it_holds():
    bench = Bench()
    stream = bench.reader(spec(2))
    bench.post(1, 2, 3)
    bench.numbers()
    bench.configure(stream)
    bench.configure(stream, spec(3))
    assert bench.numbers() == [3]
    assert [len(s.unconfirmed) for s in stream.subscriptions] == [3]


def test_deconfiguring_with_nothing_held_leaves_no_subscription():
    bench = Bench()
    stream = bench.reader(spec())
    bench.configure(stream)
    assert stream.subscriptions == []


def test_what_a_vanished_subscription_held_moves_to_the_first():
    bench = Bench()
    stream = bench.reader(spec(1, key="0/0"), spec(1, key="1/0"))
    bench.post(1, 2)
    assert bench.numbers() == [1, 2]
    bench.configure(stream, spec(5, key="2/0"))
    (subscription,) = stream.subscriptions
    assert sorted(held(stream)) == [1, 2]
    assert subscription.unconfirmed_bytes == 2


def test_two_subscriptions_cannot_have_the_same_key():
    stream = Stream(1, 0, 0)
    with pytest.raises(AssertionError):
        stream.configure((spec(key="0/0"), spec(key="0/0")))


@pytest.mark.parametrize("has_new_one_first", [False, True])
def test_of_two_copies_of_a_guid_the_newer_stays_when_subscriptions_merge(has_new_one_first: bool):
    stream = Stream(1, 0, 0)
    stream.configure((spec(key="0/0"), spec(key="1/0")))
    old, new = message(1, 0, 5), message(1, 9, 7)
    for subscription, one in zip(
        stream.subscriptions, (new, old) if has_new_one_first else (old, new), strict=True
    ):
        subscription.take([one], DeliveryBudget())
    stream.configure((spec(key="0/0"),))
    assert stream.subscriptions[0].unconfirmed_bytes == 7
    assert stream.release() == [(9, 7)]


def test_confirming_finds_the_subscription_that_holds_the_message():
    bench = Bench()
    stream = bench.reader(spec(1, key="0/0"), spec(1, key="1/0"))
    bench.post(1, 2)
    bench.numbers()
    assert stream.confirm([guid(2), guid(9)]) == ([1], 1, [guid(9)])
    assert stream.confirm([guid(2)]) == ([], 0, [guid(2)])
    assert [s.unconfirmed_bytes for s in stream.subscriptions] == [1, 0]


def test_releasing_gives_everything_back():
    bench = Bench()
    stream = bench.reader(spec(1, key="0/0"), spec(1, key="1/0"))
    bench.post(1, 2)
    bench.numbers()
    assert stream.release() == [(0, 1), (1, 1)]
    assert stream.subscriptions == []
