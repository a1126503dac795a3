"""Every anomaly that the checker knows, and none where there is none."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suites.stress.delivery import WITNESSES_MAX, DeliveryChecker


def post_and_store(checker: DeliveryChecker, producer: int, count: int) -> range:
    first = checker.posted(producer, count)
    for sequence in range(first, first + count):
        checker.acknowledged(producer, sequence)
    return range(first, first + count)


def deliver(
    checker: DeliveryChecker, *sequences: int, consumer: int = 1, producer: int = 1
) -> None:
    for sequence in sequences:
        checker.delivered(consumer, producer, sequence, is_redelivered=False)


def test_a_clean_run_has_no_anomaly() -> None:
    checker = DeliveryChecker()
    for producer in (1, 2):
        for _ in range(3):
            deliver(checker, *post_and_store(checker, producer, 10), producer=producer)
    found = checker.summary()
    assert (found.posted, found.acknowledged, found.delivered) == (60, 60, 60)
    assert found.anomalies() == []
    assert checker.is_settled


def test_delivery_may_overtake_the_acknowledgement() -> None:
    checker = DeliveryChecker()
    checker.posted(1, 1)
    deliver(checker, 0)
    was_settled = checker.is_settled
    checker.acknowledged(1, 0)
    assert (was_settled, checker.is_settled) == (False, True)
    assert checker.summary().anomalies() == []


def test_lost() -> None:
    checker = DeliveryChecker()
    post_and_store(checker, 1, 100_000)
    deliver(checker, *(sequence for sequence in range(100_000) if sequence != 77_777))
    assert not checker.is_settled
    found = checker.summary()
    assert (found.lost, found.acknowledged, found.delivered) == (1, 100_000, 99_999)
    assert found.anomalies() == ["1 lost (message 77777 of producer 1)"]
    assert found.anomalies(is_complete=False) == []


def test_lost_names_some_of_many() -> None:
    checker = DeliveryChecker()
    post_and_store(checker, 1, 3)
    post_and_store(checker, 2, 30)
    found = checker.summary()
    assert found.lost == 33
    assert len(found.witnesses["lost"]) == WITNESSES_MAX
    assert found.witnesses["lost"][2:4] == ("message 2 of producer 1", "message 0 of producer 2")


def test_unanswered_is_not_lost() -> None:
    checker = DeliveryChecker()
    checker.posted(1, 2)
    checker.acknowledged(1, 0)
    deliver(checker, 0)
    assert not checker.is_settled
    assert checker.summary().anomalies() == ["1 unanswered"]


def test_refused_is_not_lost() -> None:
    checker = DeliveryChecker()
    checker.posted(1, 2)
    checker.refused(1, 0, "STORAGE_FAILURE")
    checker.acknowledged(1, 1)
    deliver(checker, 1)
    assert checker.is_settled
    assert checker.summary().anomalies() == ["1 refused (1 STORAGE_FAILURE)"]


def test_duplicate() -> None:
    checker = DeliveryChecker()
    post_and_store(checker, 1, 3)
    deliver(checker, 0, 1, 1, 2, 0)
    found = checker.summary()
    assert (found.duplicate, found.delivered, found.out_of_order) == (2, 3, 0)
    assert found.anomalies() == ["2 duplicate (message 1 of producer 1; message 0 of producer 1)"]


def test_duplicate_at_another_consumer() -> None:
    checker = DeliveryChecker()
    post_and_store(checker, 1, 1)
    deliver(checker, 0, consumer=1)
    deliver(checker, 0, consumer=2)
    assert checker.summary().duplicate == 1


def test_duplicate_of_what_was_forgotten_long_ago() -> None:
    checker = DeliveryChecker()
    deliver(checker, *post_and_store(checker, 1, 50_000))
    deliver(checker, 7)
    assert checker.summary().anomalies() == ["1 duplicate (message 7 of producer 1)"]


def test_redelivered_is_legal_only_after_a_consumer_has_gone() -> None:
    checker = DeliveryChecker()
    post_and_store(checker, 1, 2)
    deliver(checker, 0, 1)
    assert not checker.delivered(2, 1, 0, is_redelivered=True)
    found = checker.summary()
    assert (found.redelivered, found.duplicate) == (1, 0)
    assert found.anomalies() == ["1 redelivered (message 0 of producer 1)"]
    assert found.anomalies(may_redeliver=True) == []


def test_out_of_order() -> None:
    checker = DeliveryChecker()
    post_and_store(checker, 1, 4)
    deliver(checker, 0, 2, 1, 3)
    found = checker.summary()
    assert found.out_of_order == 1
    assert found.anomalies() == ["1 out of order (message 1 of producer 1 after 2)"]


def test_order_is_of_one_producer_at_one_consumer() -> None:
    checker = DeliveryChecker()
    for producer in (1, 2):
        post_and_store(checker, producer, 4)
    deliver(checker, 2, 3, consumer=1)
    deliver(checker, 0, 1, consumer=2)
    deliver(checker, 0, 1, 2, 3, consumer=1, producer=2)
    assert checker.summary().anomalies() == []


def test_a_first_delivery_that_is_flagged_has_no_order() -> None:
    checker = DeliveryChecker()
    post_and_store(checker, 1, 3)
    deliver(checker, 1)
    assert checker.delivered(1, 1, 0, is_redelivered=True)
    deliver(checker, 2)
    assert checker.summary().anomalies() == []


@pytest.mark.parametrize(("producer", "sequence"), [(1, 2), (9, 0)])
def test_phantom(producer: int, sequence: int) -> None:
    checker = DeliveryChecker()
    deliver(checker, *post_and_store(checker, 1, 2))
    deliver(checker, sequence, producer=producer)
    found = checker.summary()
    assert found.anomalies() == [f"1 phantom (message {sequence} of producer {producer})"]


def test_damaged_and_foreign() -> None:
    checker = DeliveryChecker()
    checker.damaged()
    checker.foreign()
    found = checker.summary()
    assert found.foreign == 1
    assert found.anomalies() == ["1 damaged"]


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_a_shuffled_run_counts_as_a_simple_model_does(seed: int) -> None:
    random, checker, total = Random(seed), DeliveryChecker(), 2_000
    checker.posted(1, total)
    stored = [n for n in range(total) if random.random() < 0.99]
    arrived = [n for n in range(total) if random.random() < 0.99]
    steps = [(n, False) for n in stored] + [(n, True) for n in arrived]
    random.shuffle(steps)
    for sequence, is_delivery in steps:
        if is_delivery:
            deliver(checker, sequence)
        else:
            checker.acknowledged(1, sequence)
    found = checker.summary()
    lost = sorted(set(stored) - set(arrived))
    assert (found.lost, found.unanswered) == (len(lost), total - len(stored))
    names = tuple(f"message {n} of producer 1" for n in lost[:WITNESSES_MAX])
    assert found.witnesses.get("lost", ()) == names
