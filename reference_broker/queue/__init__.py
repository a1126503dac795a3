"""Queues: which message goes to which consumer, and what happens when a consumer goes.

The engine knows messages, streams and limits; it knows no connection, no byte layout and no disk.
`core` gives it what arrived and turns its answers into bytes.
"""

from __future__ import annotations

from reference_broker.queue.message import Message
from reference_broker.queue.queue import (
    Delivery,
    PostOutcome,
    Queue,
    QueueStatistics,
    Refusal,
    Usage,
)
from reference_broker.queue.stream import Stream, Subscription, SubscriptionSpec

__all__ = [
    "Delivery",
    "Message",
    "PostOutcome",
    "Queue",
    "QueueStatistics",
    "Refusal",
    "Stream",
    "Subscription",
    "SubscriptionSpec",
    "Usage",
]
