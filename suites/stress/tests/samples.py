"""Loads without a broker and without time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from reference_broker.base import QueueUri
from reference_broker.client import Ack, AckStatus, Message
from reference_broker.session import ClientQueue
from suites.stress.delivery import DeliverySummary
from suites.stress.latency import Kind, Percentiles, Point
from suites.stress.load import Load, Outcome
from suites.stress.settings import LoadSettings

SETTINGS: Final = LoadSettings(
    address="tcp://127.0.0.1:30114", queue_uri="bmq://a.domain/q", message_bytes=100, batch=10
)
_QUEUE: Final = ClientQueue(QueueUri.parse(SETTINGS.queue_uri), (0, 0), None, is_writer=True)
_OUT_OF_ORDER: Final = 4


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns


def message(payload: bytes, *, is_redelivered: bool = False) -> Message:
    """Return a message as a consumer gets it."""
    return Message(_QUEUE, bytes(16), _OUT_OF_ORDER * is_redelivered, 0, 0, payload)


def acks(*statuses: AckStatus) -> list[Ack]:
    """Return the answers to a batch."""
    return [Ack(bytes(16), status, _QUEUE) for status in statuses]


def stored(count: int) -> list[Ack]:
    """Return the answers to a batch that was stored."""
    return acks(*[AckStatus.SUCCESS] * count)


def send(load: Load, producer: int, clock: Clock) -> list[Message]:
    """Post a batch on time, have it stored at once, and return it."""
    first, payloads = load.posted(producer, clock.now_ns, clock.now_ns)
    load.answered(producer, first, stored(len(payloads)), clock.now_ns, clock.now_ns)
    return [message(payload) for payload in payloads]


GOOD_ROW: Final = Percentiles(1000, 1.0, 2.0, 3.0, 4.0, 5.0)


def outcome(
    delivery: dict[str, Any] | None = None,
    *,
    p99_ms: dict[Kind, float] | None = None,
    empty: Sequence[Kind] = (),
    **changes: Any,
) -> Outcome:
    """Return what a good run has found, with some changes.

    Args:
        delivery: fields of the summary that are not as in a good run.
        p99_ms: 99th percentiles that are not as in a good run.
        empty: kinds without a value.
        changes: fields of the outcome that are not as in a good run.
    """
    found = DeliverySummary(posted=1000, acknowledged=1000, delivered=1000)
    latencies = {kind: GOOD_ROW._replace(p99=(p99_ms or {}).get(kind, 3.0)) for kind in Kind}
    latencies.update({kind: Percentiles(0, 0, 0, 0, 0, 0) for kind in empty})
    points = (Point(0.5, 500.0, 3.0), Point(1.5, 0.0, None), Point(2.5, 500.0, 4.0))
    good = Outcome(
        settings=SETTINGS,
        delivery=replace(found, **(delivery or {})),
        latencies=latencies,
        points=dict.fromkeys(Kind, points),
        producers=1,
        consumers=1,
        consumers_gone=0,
        reconnections=0,
        unsent=0,
        failures=(),
        load_s=3.0,
        cpu_s=0.5,
    )
    return good._replace(**changes)
