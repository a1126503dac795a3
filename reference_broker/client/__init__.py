"""A client for BlazingMQ brokers: two shells around one session machine.

`Client` is for asyncio, `BlockingClient` for plain threads and for gevent. Both have the same
verbs::

    async with Client("tcp://127.0.0.1:30114") as client:
        queue = await client.open("bmq://bmq.test.mem.priority/orders", read=True, write=True)
        await queue.post(b"hello", properties={"price": 7})
        message = await queue.get()
        print(message.payload, message.properties["price"].value)
        queue.confirm(message)

Both reconnect by themselves, open their queues again and send again what was not acknowledged.
"""

from __future__ import annotations

from reference_broker.client.asynchronous import AsyncQueue, Client
from reference_broker.client.blocking import BlockingClient, BlockingQueue
from reference_broker.client.errors import (
    ClientError,
    ConnectionLostError,
    PostRefusedError,
    RequestRefusedError,
    TimedOutError,
)
from reference_broker.client.settings import DEFAULT_ADDRESS, ClientSettings, parse_address
from reference_broker.session import Ack, Message, QueueOptions
from reference_broker.wire import AckStatus, Compression
from reference_broker.wire.properties import Property, PropertyType

__all__ = [
    "DEFAULT_ADDRESS",
    "Ack",
    "AckStatus",
    "AsyncQueue",
    "BlockingClient",
    "BlockingQueue",
    "Client",
    "ClientError",
    "ClientSettings",
    "Compression",
    "ConnectionLostError",
    "Message",
    "PostRefusedError",
    "Property",
    "PropertyType",
    "QueueOptions",
    "RequestRefusedError",
    "TimedOutError",
    "parse_address",
]
