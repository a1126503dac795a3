"""Queues: which message goes to which consumer, and what happens when a consumer goes.

The engine knows messages, applications, streams and limits; it knows no connection, no byte layout
and no disk. `core` gives it what arrived and turns its answers into bytes.

| module       | holds                                                                            |
|--------------|----------------------------------------------------------------------------------|
| `queue`      | one queue: posting, confirming, taking away, recovery                            |
| `outcomes`   | what a queue answers                                                             |
| `app`        | what one application of it still has to get, and how that is handed out          |
| `routing`    | which of its subscriptions gets a message                                        |
| `stream`     | what one client reads, and flow control                                          |
| `idle`       | which applications are stuck                                                     |
| `store`      | what is stored, in memory or paged out: `block`, `cold_guids`, `history`         |
| `usage`      | messages and bytes against their limits                                          |
| `ordinals`   | compact sets of places in the queue                                              |
"""

from __future__ import annotations

from reference_broker.queue.app import App
from reference_broker.queue.block import Entry
from reference_broker.queue.history import History
from reference_broker.queue.idle import IdleChange
from reference_broker.queue.message import Message
from reference_broker.queue.outcomes import (
    AppFacts,
    AppStatistics,
    Confirmed,
    Delivery,
    Detached,
    Expired,
    PostOutcome,
    Purged,
    QueueStatistics,
    Released,
    RestoredApp,
)
from reference_broker.queue.queue import Queue
from reference_broker.queue.settings import QueueMode, QueueSettings
from reference_broker.queue.store import Columns, MessageStore
from reference_broker.queue.stream import DeliveryBudget, Stream, Subscription, SubscriptionSpec
from reference_broker.queue.usage import Level, Refusal, Transition, Usage

__all__ = [
    "App",
    "AppFacts",
    "AppStatistics",
    "Columns",
    "Confirmed",
    "Delivery",
    "DeliveryBudget",
    "Detached",
    "Entry",
    "Expired",
    "History",
    "IdleChange",
    "Level",
    "Message",
    "MessageStore",
    "PostOutcome",
    "Purged",
    "Queue",
    "QueueMode",
    "QueueSettings",
    "QueueStatistics",
    "Refusal",
    "Released",
    "RestoredApp",
    "Stream",
    "Subscription",
    "SubscriptionSpec",
    "Transition",
    "Usage",
]
