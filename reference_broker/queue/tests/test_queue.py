"""One queue in priority mode."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.base import Instant
from reference_broker.base.limits import BLOCK_BYTES
from reference_broker.queue import DeliveryBudget, QueueMode
from reference_broker.queue.tests.shapes import OUT_OF_ORDER, ROOMY, Bench, guid, number, spec

# Round robin and priorities.


def test_the_observed_turns_of_counts_two_and_one():
    bench = Bench()
    a = bench.reader(spec(weight=2), connection=1)
    b = bench.reader(spec(weight=1), connection=2)
    bench.reader(spec(priority=-1), connection=3)
    bench.post(*range(9))
    assert bench.turns() == [
        (a, 0), (a, 1), (b, 2), (a, 3), (a, 4), (b, 5), (a, 6), (a, 7), (b, 8),
    ]  # fmt: skip


def test_turns_go_on_over_deliveries():
    bench = Bench()
    a = bench.reader(spec(weight=2), connection=1)
    b = bench.reader(spec(weight=1), connection=2)
    found = []
    for index in range(6):
        bench.post(index)
        found += [stream for stream, _ in bench.turns()]
    assert found == [a, a, b, a, a, b]


def test_a_message_waits_when_all_of_the_highest_priority_are_full():
    bench = Bench()
    high = bench.reader(spec(1, priority=5), connection=1)
    low = bench.reader(spec(priority=4), connection=2)
    bench.post(1, 2, 3)
    assert bench.turns() == [(high, 1)]
    bench.confirm(high, 1)
    assert bench.turns() == [(high, 2)]
    bench.detach(high)
    assert bench.turns() == [(low, 2), (low, 3)]


def test_a_higher_priority_takes_over_when_it_comes():
    bench = Bench()
    bench.reader(spec(priority=0), connection=1)
    bench.post(1)
    bench.numbers()
    high = bench.reader(spec(priority=1), connection=2)
    bench.post(2)
    assert bench.turns() == [(high, 2)]


def test_a_full_consumer_loses_its_turn_only():
    bench = Bench()
    a = bench.reader(spec(1, weight=3), connection=1)
    b = bench.reader(spec(weight=1), connection=2)
    bench.post(0, 1, 2)
    assert bench.turns() == [(a, 0), (b, 1), (b, 2)]
    bench.confirm(a, 0)
    bench.post(3, 4)
    assert bench.turns() == [(a, 3), (b, 4)]


def test_a_paused_stream_gets_nothing_until_it_goes_on():
    bench = Bench()
    stream = bench.reader(spec())
    stream.is_paused = True
    bench.post(1)
    assert bench.numbers() == []
    stream.is_paused = False
    assert bench.numbers() == [1]


def test_nothing_is_delivered_once_the_queue_stops_serving():
    bench = Bench()
    bench.reader(spec())
    bench.queue.is_serving = False
    bench.post(1)
    assert bench.numbers() == []


def test_subscriptions_of_one_stream_take_turns_like_others():
    bench = Bench()
    bench.reader(spec(key="0/0", push_id=1), spec(key="1/0", push_id=2))
    bench.post(0, 1, 2, 3)
    ids = [d.subscription.spec.push_id for d in bench.deliver() for _ in d.messages]
    assert ids == [1, 2, 1, 2]


def test_messages_are_delivered_in_order_of_posting():
    bench = Bench()
    bench.reader(spec())
    bench.post(5, 3)
    bench.post(4)
    assert bench.numbers() == [5, 3, 4]


def test_one_delivery_hands_out_a_bounded_amount():
    bench = Bench()
    bench.reader(spec())
    bench.post(*range(20), size=100)
    portions: list[list[int]] = []
    while not portions or bench.queue.has_more:
        deliveries = bench.queue.deliver(bench.now, DeliveryBudget(1_000, 1))
        portions.append([number(m) for d in deliveries for m in d.messages])
    assert [n for portion in portions for n in portion] == list(range(20))
    assert 2 <= len(portions) <= 4


# Redelivery.


def test_a_lost_consumers_messages_come_again_in_order_before_all_others():
    bench = Bench()
    first = bench.reader(spec(3), connection=1)
    bench.post(0, 1, 2, 3, 4)
    bench.numbers()
    second = bench.reader(spec(), connection=2)
    bench.confirm(first, 1)
    assert bench.detach(first) == 2
    (delivery, *rest) = bench.deliver()
    delivered = [*delivery.messages, *(m for d in rest for m in d.messages)]
    assert delivery.subscription.stream is second
    assert [(number(m), m[1]) for m in delivered] == [
        (0, OUT_OF_ORDER),
        (2, OUT_OF_ORDER),
        (3, 0),
        (4, 0),
    ]


def test_messages_of_two_lost_consumers_are_merged_by_age():
    bench = Bench()
    a = bench.reader(spec(3), connection=1)
    b = bench.reader(spec(3), connection=2)
    bench.post(*range(6))
    assert [stream for stream, _ in bench.turns()] == [a, b, a, b, a, b]
    bench.detach(b)
    bench.detach(a)
    bench.reader(spec(), connection=3)
    assert bench.numbers() == list(range(6))


def test_a_message_keeps_its_flags_when_it_comes_again():
    bench = Bench()
    stream = bench.reader(spec())
    bench.queue.post([(guid(1), 2, 1 << 16 | 7, b"data", 3, 0, 4)], bench.wall_ns, bench.now)
    bench.deliver()
    bench.detach(stream)
    bench.reader(spec())
    ((_, messages),) = bench.deliver()
    assert messages == [(guid(1), 2 | 4, 1 << 16 | 7, b"data", 3, 0, 4)]


# Limits.


def test_exactly_one_message_more_than_the_limit_fits():
    bench = Bench(limits=(3, 1_000_000))
    outcomes = [bench.post(n) for n in range(6)]
    assert outcomes == [["0"], ["1"], ["2"], ["3"], ["4 LIMIT_MESSAGES"], ["5 LIMIT_MESSAGES"]]


def test_the_same_in_one_batch():
    bench = Bench(limits=(3, 1_000_000))
    assert bench.post(*range(5)) == ["0", "1", "2", "3", "4 LIMIT_MESSAGES"]


def test_the_byte_limit_may_be_exceeded_by_one_message():
    bench = Bench(limits=(1_000, 100))
    assert bench.post(*range(4), size=40) == ["0", "1", "2", "3 LIMIT_BYTES"]
    assert bench.queue.usage.bytes == 120


def test_the_byte_limit_itself_is_not_exceeded():
    bench = Bench(limits=(1_000, 80))
    assert bench.post(*range(4), size=40) == ["0", "1", "2", "3 LIMIT_BYTES"]


def test_confirmed_messages_make_room():
    bench = Bench(limits=(0, 1_000))
    stream = bench.reader(spec())
    bench.post(1)
    assert bench.post(2) == ["2 LIMIT_MESSAGES"]
    bench.numbers()
    bench.confirm(stream, 1)
    assert bench.post(3) == ["3"]


def test_the_domains_limits_hold_for_all_its_queues():
    bench = Bench(domain=(1, 1_000))
    bench.domain.add(1, 10)  # another queue's
    assert bench.post(1, 2) == ["1", "2 LIMIT_MESSAGES"]
    assert (bench.domain.messages, bench.domain.bytes) == (2, 11)


@pytest.mark.parametrize(
    ("limits", "domain", "refusal"),
    [
        ((0, 0), (0, 0), "LIMIT_MESSAGES"),
        ((9, 0), (0, 9), "LIMIT_BYTES"),
        ((9, 9), (0, 0), "LIMIT_MESSAGES"),
        ((9, 9), (9, 0), "LIMIT_BYTES"),
    ],
)
def test_the_queue_is_asked_first_and_messages_before_bytes(
    limits: tuple[int, int], domain: tuple[int, int], refusal: str
):
    bench = Bench(limits=limits, domain=domain)
    assert bench.post(1, 2) == ["1", f"2 {refusal}"]


# Duplicates.


def test_a_stored_guid_is_not_stored_again():
    bench = Bench()
    bench.post(1)
    assert bench.post(1, 2) == ["2", "1 DUPLICATE"]
    assert bench.queue.usage.messages == 2


def test_a_guid_twice_in_one_batch_is_stored_once():
    bench = Bench()
    bench.reader(spec())
    assert bench.post(1, 2, 1) == ["1", "2", "1 DUPLICATE"]
    assert bench.numbers() == [1, 2]


def test_a_confirmed_guid_is_remembered():
    bench = Bench()
    stream = bench.reader(spec())
    bench.post(1)
    bench.numbers()
    bench.confirm(stream, 1)
    assert bench.post(1) == ["1 DUPLICATE"]
    assert bench.numbers() == []


def test_a_duplicate_is_a_duplicate_even_when_the_queue_is_full():
    bench = Bench(limits=(0, 0))
    bench.post(1)
    assert bench.post(1) == ["1 DUPLICATE"]


def test_history_expires():
    bench = Bench(deduplication_ns=100)
    stream = bench.reader(spec())
    bench.post(1)
    bench.numbers()
    bench.confirm(stream, 1)
    bench.queue.expire_history(Instant(bench.now + 99))
    assert bench.post(1) == ["1 DUPLICATE"]
    bench.queue.expire_history(Instant(bench.now + 100))
    assert bench.post(1) == ["1"]


def test_history_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.queue.history.DEDUPLICATION_GUIDS_MAX", 2)
    bench = Bench()
    stream = bench.reader(spec())
    bench.post(1, 2, 3)
    bench.numbers()
    for index in (1, 2, 3):
        bench.confirm(stream, index)
    assert bench.post(1, 2, 3) == ["1", "2 DUPLICATE", "3 DUPLICATE"]


# Confirming.


def test_confirming_deletes_and_frees():
    bench = Bench()
    stream = bench.reader(spec())
    bench.post(1, 2, size=7)
    bench.numbers()
    assert bench.confirm(stream, 1, 1, 99) == [1]
    assert bench.queue.statistics()[:4] == (1, 7, 1, 1)
    assert (bench.domain.messages, bench.domain.bytes) == (1, 7)


def test_a_message_that_another_holds_is_confirmed_by_guid():
    bench = Bench()
    holder = bench.reader(spec(1), connection=1)
    other = bench.reader(spec(1, priority=-1), connection=2)
    bench.post(1, 2)
    assert bench.turns() == [(holder, 1)]
    assert bench.confirm(other, 1) == [1]
    assert bench.turns() == [(holder, 2)]  # it has room again


def test_a_message_that_waits_is_confirmed_by_guid_and_never_delivered():
    bench = Bench()
    stream = bench.reader(spec(1))
    bench.post(0, 1, 2, 3)
    assert bench.numbers() == [0]
    assert bench.confirm(stream, 2) == [2]
    bench.confirm(stream, 0)
    assert bench.numbers() == [1]
    bench.configure(stream, spec())
    assert bench.numbers() == [3]


def test_a_returned_message_that_is_confirmed_late_is_not_delivered_again():
    bench = Bench()
    lost = bench.reader(spec(), connection=1)
    bench.post(0, 1, 2)
    bench.numbers()
    bench.detach(lost)
    back = bench.reader(spec(0), connection=1)
    assert bench.confirm(back, 1) == [1]
    bench.configure(back, spec())
    assert bench.numbers() == [0, 2]


def test_all_that_waits_may_be_confirmed():
    bench = Bench()
    stream = bench.reader(spec(0))
    bench.post(*range(10))
    assert bench.confirm(stream, *range(10)) == list(range(10))
    bench.configure(stream, spec())
    assert bench.numbers() == []
    assert bench.queue.usage.messages == 0


def test_a_withdrawn_guid_may_be_posted_again_after_its_time():
    bench = Bench(deduplication_ns=0)
    stream = bench.reader(spec(0))
    bench.post(0, 1, 2, 3)
    bench.confirm(stream, 0)
    assert bench.post(0) == ["0"]
    bench.confirm(stream, 1, 2)
    bench.configure(stream, spec())
    assert bench.numbers() == [3, 0]


# Batches that end a block.


def test_a_batch_of_which_some_is_refused_may_end_a_block():
    bench = Bench(limits=(ROOMY, 2 * BLOCK_BYTES))
    assert bench.post(1, 2, 3, size=BLOCK_BYTES + 1) == ["1", "2", "3 LIMIT_BYTES"]
    assert bench.post(1) == ["1 DUPLICATE"]
    assert bench.listed() == [1, 2]
    assert bench.queue.usage.bytes == 2 * (BLOCK_BYTES + 1)


def test_behind_a_block_that_ended_the_ordinals_agree():
    roomy = ROOMY, ROOMY**2
    bench = Bench(roomy, roomy, mode=QueueMode.FANOUT, apps="a b")
    bench.filter("a", "x > 2")
    assert bench.post(1, 1, 2, 3, 3, 4, size=BLOCK_BYTES // 2) == [
        "1", "2", "3", "4", "1 DUPLICATE", "3 DUPLICATE",
    ]  # fmt: skip
    bench.post(4, 5)
    assert [bench.listed(app_id) for app_id in ("a", "b")] == [[3, 4, 5], [1, 2, 3, 4, 5]]
    readers = [bench.reader(spec(size=ROOMY**2), app_id=app_id) for app_id in ("a", "b")]
    assert bench.all_numbers() == [3, 4, 5, 1, 2, 3, 4, 5]
    assert bench.confirm(readers[0], 3, 5) == []
    assert bench.confirm(readers[1], 1, 3, 4, 5) == [1, 3, 5]
    assert [bench.listed(app_id) for app_id in ("a", "b")] == [[4], [2]]


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 20),
                st.sampled_from([1, 2, 3, BLOCK_BYTES // 2, BLOCK_BYTES, BLOCK_BYTES + 1]),
            ),
            max_size=12,
        ),
        max_size=8,
    ),
    *[st.tuples(st.integers(0, 12), st.sampled_from([5, 2 * BLOCK_BYTES, ROOMY**2]))] * 2,
)
@settings(max_examples=40)
def test_a_batch_is_stored_as_its_messages_would_be_one_by_one(
    batches: list[list[tuple[int, int]]], limits: tuple[int, int], domain: tuple[int, int]
):
    together, alone = Bench(limits, domain), Bench(limits, domain)
    for batch in batches:
        one_by_one = [answer for one in batch for answer in alone.post_sized([one])]
        assert together.post_sized(batch) == sorted(one_by_one, key=lambda answer: " " in answer)
    assert together.listed() == alone.listed()
    for usages in ((together.queue.usage, alone.queue.usage), (together.domain, alone.domain)):
        ours, theirs = ((usage.messages, usage.bytes, usage.level()) for usage in usages)
        assert ours == theirs


# Snapshots.


def test_a_queue_is_idle_without_messages_and_readers():
    bench = Bench()
    idle = [bench.queue.is_idle]
    bench.post(1)
    idle.append(bench.queue.is_idle)
    stream = bench.reader(spec())
    bench.numbers()
    bench.confirm(stream, 1)
    idle.append(bench.queue.is_idle)
    bench.detach(stream)
    idle.append(bench.queue.is_idle)
    assert idle == [True, False, False, True]
