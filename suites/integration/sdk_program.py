"""A program of the real SDK: producers and consumers on one queue, and what became of it.

It runs in a process of its own, because the SDK is native code that ends the process when a broker
misbehaves. It prints one JSON object per line::

    {"acked": 100}                      every hundred acknowledgements
    {"event": "ConnectionLost"}         what a session says of its connection
    {"done": true, "acked": ...}        the end: the whole account

Run it as `python sdk_program.py tcp://HOST:PORT URI COUNT SECONDS HOLD`: from the message with the
number HOLD on nothing is posted before a connection was lost, so that a broker that is to be killed
in the middle is killed in the middle.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import blazingmq

PRODUCERS: Final = 2
CONSUMERS: Final = 2
#: Messages on their way at once: below every limit of BlazingMQ's sample domains.
_WINDOW: Final = 150
_PAUSE_S: Final = 0.05
_REPORT_EVERY: Final = 100


class Account:
    """What was posted, acknowledged, delivered and confirmed.

    Args:
        count: how many messages there are, numbered from 0.
        hold: which of them waits for a connection to be lost; `count` for none.
    """

    def __init__(self, count: int, hold: int) -> None:
        self.count = count
        self.hold = hold
        self.changed = threading.Condition()
        self.posted = 0
        self.acked: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        self.delivered: Counter[int] = Counter()
        self.confirmed: Counter[int] = Counter()
        self.damaged: list[int] = []
        self.events: Counter[str] = Counter()

    def take_number(self) -> int | None:
        """Return the number of the next message to post, None when there are no more."""
        with self.changed:
            while self.posted < self.count:
                under_way = self.posted - len(self.confirmed) - self.refused.total()
                may_go_on = self.posted != self.hold or self.events["ConnectionLost"] > 0
                if under_way < _WINDOW and may_go_on:
                    self.posted += 1
                    return self.posted - 1
                self.changed.wait(_PAUSE_S)
            return None

    def is_over(self) -> bool:
        """Whether nothing more is due."""
        return all(
            len(numbers) + self.refused.total() >= self.count
            for numbers in (self.acked, self.confirmed)
        )

    def is_restored(self) -> bool:
        """Whether every connection that was lost is there again, its queues open."""
        return self.events["StateRestored"] >= self.events["ConnectionLost"]

    def on_ack(self, number: int) -> Callable[[blazingmq.Ack], None]:
        """Return what takes the acknowledgement of one message."""

        def take(ack: blazingmq.Ack) -> None:
            with self.changed:
                if ack.status is blazingmq.AckStatus.SUCCESS:
                    self.acked[number] += 1
                    if self.acked.total() % _REPORT_EVERY == 0:
                        say(acked=self.acked.total())
                else:
                    self.refused[ack.status.name] += 1
                self.changed.notify_all()

        return take

    def on_message(self, message: blazingmq.Message, handle: blazingmq.MessageHandle) -> None:
        """Check a message, and confirm it."""
        number = int(message.properties["number"])
        is_right = message.data == payload(number) and message.properties == properties(number)
        is_confirmed = True
        try:
            handle.confirm()
        except blazingmq.Error:
            is_confirmed = False  # the connection is down: the message will come again
        with self.changed:
            self.delivered[number] += 1
            if is_confirmed:
                self.confirmed[number] += 1
            if not is_right:
                self.damaged.append(number)
            self.changed.notify_all()

    def on_event(self, event: object) -> None:
        """Note what a session says."""
        name = type(event).__name__
        with self.changed:
            self.events[name] += 1
            self.changed.notify_all()
        say(event=name)

    def summary(self) -> dict[str, Any]:
        """Return the account."""
        numbers = set(range(self.count))
        return {
            "done": True,
            "acked": len(self.acked),
            "acked_twice": sum(count > 1 for count in self.acked.values()),
            "refused": dict(self.refused),
            "delivered": len(self.delivered),
            "delivered_twice": sum(count > 1 for count in self.delivered.values()),
            "confirmed": len(self.confirmed),
            "confirmed_twice": sum(count > 1 for count in self.confirmed.values()),
            "lost": sorted(self.acked.keys() - self.delivered.keys()),
            "phantom": sorted(self.delivered.keys() - numbers),
            "damaged": self.damaged,
            "events": dict(self.events),
        }


def payload(number: int) -> bytes:
    """Return the payload of a message: 6 bytes to 2.4 KB, of which zlib makes little."""
    return b"%06d" % number * (number % 400 + 1)


def properties(number: int) -> dict[str, int | str | bytes | bool]:
    """Return the properties of a message; every seventh has one more."""
    values: dict[str, int | str | bytes | bool] = {
        "number": number,
        "text": f"message {number}",
        "even": number % 2 == 0,
        "raw": bytes([number % 256]),
    }
    return values | ({"seventh": number // 7} if number % 7 == 0 else {})


def say(**facts: object) -> None:
    """Print a line of JSON."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def produce(session: blazingmq.Session, uri: str, account: Account, give_up: float) -> None:
    """Post until there are no more numbers."""
    while (number := account.take_number()) is not None:
        while time.monotonic() < give_up:
            try:
                session.post(
                    uri, payload(number), properties(number), on_ack=account.on_ack(number)
                )
                break
            except blazingmq.Error:
                with account.changed:  # the connection is down: try again a little later
                    account.changed.wait(_PAUSE_S)


def main(address: str, uri: str, count: int, seconds: float, hold: int) -> None:
    """Run the program."""
    account = Account(count, hold)
    give_up = time.monotonic() + seconds
    sessions = [
        blazingmq.Session(
            account.on_event,
            on_message=account.on_message,
            broker=address,
            message_compression_algorithm=blazingmq.CompressionAlgorithmType.ZLIB,
        )
        for _ in range(PRODUCERS + CONSUMERS)
    ]
    producers, consumers = sessions[:PRODUCERS], sessions[PRODUCERS:]
    for session in consumers:
        session.open_queue(uri, read=True)
    threads: list[threading.Thread] = []
    for session in producers:
        session.open_queue(uri, write=True)
        threads.append(
            threading.Thread(target=produce, args=(session, uri, account, give_up), daemon=True)
        )
    for thread in threads:
        thread.start()
    with account.changed:
        while time.monotonic() < give_up:
            if account.is_over() and account.is_restored():
                break
            account.changed.wait(_PAUSE_S)
    for session in [*producers, *consumers]:
        session.close_queue(uri)
    for session in sessions:
        session.stop()
    say(**account.summary())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
