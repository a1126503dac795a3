"""The account that the SDK's program keeps."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("blazingmq", reason="the SDK has no wheel here")

from suites.integration.sdk_program import Account, payload, properties


def test_numbers_are_given_once_each_whoever_asks():
    account = Account(100, 100)
    taken: list[int] = []

    def take() -> None:
        while (number := account.take_number()) is not None:
            taken.append(number)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(100))
    assert account.take_number() is None


def test_what_is_lost_is_named():
    account = Account(3, 3)
    account.acked.update([0, 1, 2])
    account.delivered.update([0, 2, 2, 7])
    summary = account.summary()
    assert summary["lost"] == [1]
    assert summary["phantom"] == [7]
    assert summary["delivered_twice"] == 1
    assert not account.is_over()


def test_messages_differ():
    assert len({payload(number) for number in range(2000)}) == 2000
    assert max(len(payload(number)) for number in range(2000)) == 2400
    assert "seventh" in properties(14)
    assert "seventh" not in properties(15)


def test_the_second_part_waits_for_a_lost_connection():
    account = Account(10, 5)
    assert [account.take_number() for _ in range(5)] == list(range(5))
    taken: list[int | None] = []
    thread = threading.Thread(target=lambda: taken.append(account.take_number()))
    thread.start()
    thread.join(0.01)
    assert not taken
    with account.changed:
        account.events["ConnectionLost"] += 1
        account.changed.notify_all()
    thread.join(5)
    assert taken == [5]
