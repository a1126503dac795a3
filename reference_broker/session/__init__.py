"""Sessions: how two peers meet, stay in touch and part. Both roles, no sockets.

`negotiation` and `heartbeat` serve the broker, `client` is the whole client; `heartbeat` serves
both.
"""

from __future__ import annotations

from reference_broker.session.client import ClientPhase, ClientSession
from reference_broker.session.client_events import (
    AcksReceived,
    ClientEvent,
    MessagesReceived,
    ReopenFailed,
    Request,
    RequestDone,
    SessionLost,
    SessionRestored,
)
from reference_broker.session.client_facts import ClientFacts
from reference_broker.session.client_queue import (
    Ack,
    ClientQueue,
    Message,
    QueueOptions,
    QueueState,
)
from reference_broker.session.heartbeat import Heartbeat, HeartbeatMonitor
from reference_broker.session.negotiation import (
    Acceptance,
    BrokerFacts,
    SessionKind,
    negotiate,
)

__all__ = [
    "Acceptance",
    "Ack",
    "AcksReceived",
    "BrokerFacts",
    "ClientEvent",
    "ClientFacts",
    "ClientPhase",
    "ClientQueue",
    "ClientSession",
    "Heartbeat",
    "HeartbeatMonitor",
    "Message",
    "MessagesReceived",
    "QueueOptions",
    "QueueState",
    "ReopenFailed",
    "Request",
    "RequestDone",
    "SessionKind",
    "SessionLost",
    "SessionRestored",
    "negotiate",
]
