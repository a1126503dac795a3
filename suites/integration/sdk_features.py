"""A program of the real SDK that shows one of its features, and what came of it.

It runs in a process of its own, as `sdk_program` does and for the same reason. It prints one JSON
object when the feature has been shown::

    {"done": true, ...}

Run it as `python sdk_features.py FEATURE tcp://HOST:PORT URI SECONDS`. Everything is waited for: a
feature that does not show within SECONDS ends the program with what there was instead.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import blazingmq
from blazingmq import CompressionAlgorithmType, PropertyType, QueueOptions

_PAUSE_S: Final = 0.05
_ALL_TYPES: Final[dict[str, tuple[int | str | bytes | bool, PropertyType]]] = {
    "bool": (True, PropertyType.BOOL),
    "char": (b"A", PropertyType.CHAR),
    "short": (-2, PropertyType.SHORT),
    "int32": (2**31 - 1, PropertyType.INT32),
    "int64": (-(2**63), PropertyType.INT64),
    "string": ("text äöü", PropertyType.STRING),
    "binary": (b"\x00\xff", PropertyType.BINARY),
}


class Client:
    """A session, and what came to it.

    Args:
        address: of the broker.
        give_up: when to stop waiting, on the monotonic clock, seconds.
        compression: of what it posts.
        monitor: of the host's health.
    """

    def __init__(
        self,
        address: str,
        give_up: float,
        *,
        compression: CompressionAlgorithmType = CompressionAlgorithmType.NONE,
        monitor: blazingmq.BasicHealthMonitor | None = None,
    ) -> None:
        self._give_up = give_up
        self._changed = threading.Condition()
        self.messages: list[blazingmq.Message] = []
        self.handles: list[blazingmq.MessageHandle] = []
        self.events: list[str] = []
        self.acks: list[str] = []
        self.session = blazingmq.Session(
            self._on_event,
            on_message=self._on_message,
            broker=address,
            message_compression_algorithm=compression,
            host_health_monitor=monitor,
        )

    def _on_event(self, event: object) -> None:
        with self._changed:
            self.events.append(type(event).__name__)
            self._changed.notify_all()

    def _on_message(self, message: blazingmq.Message, handle: blazingmq.MessageHandle) -> None:
        with self._changed:
            self.messages.append(message)
            self.handles.append(handle)
            self._changed.notify_all()

    def _on_ack(self, ack: blazingmq.Ack) -> None:
        with self._changed:
            self.acks.append(ack.status.name)
            self._changed.notify_all()

    def wait(self, is_done: Callable[[], bool], what: str) -> None:
        """Wait for a condition on what came.

        Raises:
            TimeoutError: it does not become true in time.
        """
        with self._changed:
            while not is_done():
                if time.monotonic() >= self._give_up:
                    have = f"{len(self.messages)} messages, acks {self.acks}, events {self.events}"
                    raise TimeoutError(f"{what} is due; there are {have}")
                self._changed.wait(_PAUSE_S)

    def wait_messages(self, count: int) -> None:
        """Wait until so many messages have come in all; raises as `wait`."""
        self.wait(lambda: len(self.messages) >= count, f"message number {count}")

    def read(self, uri: str, **options: Any) -> None:
        """Open a queue for reading."""
        self.session.open_queue(uri, read=True, options=QueueOptions(**options))

    def post(self, uri: str, *payloads: bytes, **properties: Any) -> None:
        """Post messages and wait until all are acknowledged; raises as `wait`."""
        before = len(self.acks)
        for payload in payloads:
            self.session.post(uri, payload, properties or None, on_ack=self._on_ack)
        due = before + len(payloads)
        self.wait(lambda: len(self.acks) >= due, f"acknowledgement number {due}")
        assert set(self.acks) == {"SUCCESS"}, self.acks

    def confirm(self, start: int = 0, end: int | None = None) -> None:
        """Confirm messages, by their place among those that came."""
        for handle in self.handles[start:end]:
            handle.confirm()

    def data(self) -> list[str]:
        """Return the payloads that came, as text."""
        return [message.data.decode() for message in self.messages]


class Stage:
    """Makes clients, and stops them.

    Args:
        address: of the broker.
        uri: of the queue.
        seconds: how long everything may take.
    """

    def __init__(self, address: str, uri: str, seconds: float) -> None:
        self.uri = uri
        self._address = address
        self._give_up = time.monotonic() + seconds
        self._clients: list[Client] = []

    def client(self, **settings: Any) -> Client:
        """Return a client; the settings are those of `Client`."""
        self._clients.append(Client(self._address, self._give_up, **settings))
        return self._clients[-1]

    def producer(self, **settings: Any) -> Client:
        """Return a client that may post to the queue."""
        client = self.client(**settings)
        client.session.open_queue(self.uri, write=True)
        return client

    def stop(self) -> None:
        """Stop all clients."""
        for client in self._clients:
            client.session.stop()


def _numbered(start: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(start, end)]


def priorities(stage: Stage) -> dict[str, Any]:
    """Two consumers, whose priorities change; then one of them closes."""
    first, second, producer = stage.client(), stage.client(), stage.producer()
    first.read(stage.uri, consumer_priority=2)
    second.read(stage.uri, consumer_priority=1)
    producer.post(stage.uri, *_numbered(0, 20))
    first.wait_messages(20)
    first.confirm()
    second.session.configure_queue(stage.uri, QueueOptions(consumer_priority=3))
    producer.post(stage.uri, *_numbered(20, 40))
    second.wait_messages(20)
    second.confirm()
    second.session.close_queue(stage.uri)
    producer.post(stage.uri, *_numbered(40, 50))
    first.wait_messages(30)
    first.confirm(20)
    return {"first": first.data(), "second": second.data()}


def fanout(stage: Stage) -> dict[str, Any]:
    """One session for one app, another for two."""
    one, two, producer = stage.client(), stage.client(), stage.producer()
    one.read(f"{stage.uri}?id=foo")
    two.read(f"{stage.uri}?id=bar")
    two.read(f"{stage.uri}?id=baz")
    producer.post(stage.uri, *_numbered(0, 30))
    one.wait_messages(30)
    two.wait_messages(60)
    for client in (one, two):
        client.confirm()
    came = {"foo": one.data()}
    for app_id in ("bar", "baz"):
        uri = f"{stage.uri}?id={app_id}"
        came[app_id] = [each.data.decode() for each in two.messages if each.queue_uri == uri]
    return came


def broadcast(stage: Stage) -> dict[str, Any]:
    """Two consumers that confirm nothing, and one that comes later."""
    early, late, producer = [stage.client(), stage.client()], stage.client(), stage.producer()
    for client in early:
        client.read(stage.uri, max_unconfirmed_messages=3)
    producer.post(stage.uri, *_numbered(0, 10))
    for client in early:
        client.wait_messages(10)
    late.read(stage.uri)
    producer.post(stage.uri, b"10")
    late.wait_messages(1)
    for client in early:
        client.wait_messages(11)
    return {"early": [client.data() for client in early], "late": late.data()}


def properties(stage: Stage) -> dict[str, Any]:
    """Every type, other sets of names in between, and none at all."""
    consumer, producer = stage.client(), stage.producer()
    consumer.read(stage.uri)
    values = {name: value for name, (value, _) in _ALL_TYPES.items()}
    types = {name: type_ for name, (_, type_) in _ALL_TYPES.items()}
    sets: list[dict[str, Any]] = [values, {"x": 1}, {}, values | {"more": "yes"}, {"x": 2}, values]
    for posted in sets:
        overrides = {name: type_ for name, type_ in types.items() if name in posted}
        producer.session.post(stage.uri, b"payload", posted or None, overrides or None)
    consumer.wait_messages(len(sets))
    consumer.confirm()
    came = [dict(message.properties) for message in consumer.messages]
    found = dict(consumer.messages[0].property_types)
    return {
        "wrong": [str(pair) for pair in zip(sets, came, strict=True) if pair[0] != pair[1]],
        "types": found == types,
    }


def compression(stage: Stage) -> dict[str, Any]:
    """A large payload and a small one, by a session that compresses and by one that does not."""
    consumer = stage.client()
    consumer.read(f"{stage.uri}?id=foo")
    payloads = [b"compress me " * 500, b"small"]
    for algorithm in (CompressionAlgorithmType.ZLIB, CompressionAlgorithmType.NONE):
        producer = stage.producer(compression=algorithm)
        producer.post(stage.uri, *payloads)
        producer.post(stage.uri, *payloads, name="value")
    consumer.wait_messages(8)
    consumer.confirm()
    came = [message.data for message in consumer.messages]
    return {"right": came == payloads * 4, "sizes": [len(data) for data in came]}


def host_health(stage: Stage) -> dict[str, Any]:
    """A consumer and a producer that suspend while the host is not well; another consumer helps."""
    monitor = blazingmq.BasicHealthMonitor()
    sensitive, healthy, producer = stage.client(monitor=monitor), stage.client(), stage.producer()
    sensitive.read(stage.uri, consumer_priority=2, suspends_on_bad_host_health=True)
    healthy.read(stage.uri, consumer_priority=1)
    producer.post(stage.uri, *_numbered(0, 5))
    sensitive.wait_messages(5)
    sensitive.confirm()
    monitor.set_unhealthy()
    sensitive.wait(lambda: "QueueSuspended" in sensitive.events, "QueueSuspended")
    producer.post(stage.uri, *_numbered(5, 10))
    healthy.wait_messages(5)
    healthy.confirm()
    monitor.set_healthy()
    sensitive.wait(lambda: "QueueResumed" in sensitive.events, "QueueResumed")
    producer.post(stage.uri, *_numbered(10, 15))
    sensitive.wait_messages(10)
    sensitive.confirm(5)
    return {
        "sensitive": sensitive.data(),
        "healthy": healthy.data(),
        "events": [event for event in sensitive.events if event.startswith(("Host", "Queue"))],
    }


def max_unconfirmed(stage: Stage) -> dict[str, Any]:
    """A consumer whose limits are reached, again and again."""
    consumer, producer = stage.client(), stage.producer()
    marks = f"{stage.uri}.marks"
    consumer.session.open_queue(marks, read=True, write=True)
    consumer.read(stage.uri, max_unconfirmed_messages=2)
    producer.post(stage.uri, *[b"x" * 40] * 10)

    def count() -> int:
        """Return how many have come, once a message of ours that was posted now has come too."""
        marked = sum(message.queue_uri == marks for message in consumer.messages) + 1
        consumer.post(marks, b"mark")
        consumer.wait(
            lambda: sum(m.queue_uri == marks for m in consumer.messages) >= marked, "mark"
        )
        return len(consumer.messages) - marked

    def confirm_one(done: set[int]) -> None:
        place = next(
            place
            for place, message in enumerate(consumer.messages)
            if message.queue_uri == stage.uri and place not in done
        )
        done.add(place)
        consumer.handles[place].confirm()

    confirmed: set[int] = set()
    counts = [count()]
    for _ in range(3):
        confirm_one(confirmed)
        counts.append(count())
    wider = QueueOptions(max_unconfirmed_messages=100, max_unconfirmed_bytes=130)
    consumer.session.configure_queue(stage.uri, wider)
    counts.append(count())
    while len(confirmed) < 10:
        confirm_one(confirmed)
        counts.append(count())
    return {"counts": counts}


def expressions(stage: Stage) -> dict[str, Any]:
    """Messages whose properties somebody else's expressions are about."""
    consumer, producer = stage.client(), stage.producer()
    consumer.read(stage.uri, consumer_priority=1)
    for x in range(10):
        producer.post(stage.uri, b"%d" % x, x=x, text=f"text {x}", even=x % 2 == 0)
    consumer.wait_messages(5)
    consumer.confirm()
    return {"came": consumer.data()}


FEATURES: Final[dict[str, Callable[[Stage], dict[str, Any]]]] = {
    feature.__name__: feature
    for feature in (
        priorities,
        fanout,
        broadcast,
        properties,
        compression,
        host_health,
        max_unconfirmed,
        expressions,
    )
}


def main(feature: str, address: str, uri: str, seconds: float) -> None:
    """Show one feature and print what came of it."""
    stage = Stage(address, uri, seconds)
    facts = FEATURES[feature](stage)
    stage.stop()
    sys.stdout.write(json.dumps({"done": True, **facts}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
