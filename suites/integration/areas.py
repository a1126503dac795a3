"""What each area of the suite is about, for the report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

AREA_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ADMIN": "admin sessions, and every command with its answer in both forms",
        "ALARM": "what the log tells the operator of queues that need looking after",
        "APP": "application subscriptions, by which a domain filters what its apps get",
        "AUTH": "authentication: who is let in",
        "BAD": "every entry of the catalogue of malformed inputs, beside a bystander",
        "CAST": "broadcast queues, where everybody who listens gets a message once",
        "CFG": "configuring readers",
        "CLOSE": "closing queues, and what becomes of unconfirmed messages",
        "CONFIRM": "confirming messages",
        "CTRL": "requests in both encodings, numbers at their bounds, what decoders forgive",
        "DEDUP": "messages that are sent twice and kept once",
        "DISC": "disconnecting, in order and otherwise",
        "EXPR": "expressions at the edges of their language, seen through delivery",
        "FAN": "fanout queues, where every app gets every message",
        "FILE": "what a configuration folder may say, and what comes of it",
        "HB": "heartbeats in both directions",
        "LIMIT": "how many consumers, producers, queues, messages and bytes a domain allows",
        "MEM": "what hostile clients cost in memory",
        "NEG": "negotiation, the first exchange of a connection",
        "OPEN": "opening queues, their names, and everything for which they are refused",
        "POISON": "messages that were delivered too often, and the pauses before",
        "PROC": "the process of a broker: its command line, files, signals and control pipe",
        "PUSH": "which consumer gets what, when, and in which form",
        "PUT": "messages on their way in, and what the broker answers",
        "SDK": "BlazingMQ's own client, unmodified, and one of its features a case",
        "STOP": "what a broker still does when it has been told to stop",
        "STORE": "what survives the broker",
        "SUB": "subscriptions, which choose messages by their properties",
        "TTL": "messages that grow too old",
    }
)
