"""The vocabulary that every room shares: errors by blame, limits, units, GUIDs and queue URIs.

This room imports nothing but the standard library, and nothing of it that touches the world.
"""

from __future__ import annotations

from reference_broker.base.errors import BrokerError, OperatorError, PeerError, WireError
from reference_broker.base.guid import GUID_SIZE, UNSET_GUID, GuidGenerator, format_guid, parse_guid
from reference_broker.base.units import Duration, Instant, milliseconds, seconds
from reference_broker.base.uri import DEFAULT_APP_ID, QueueUri, UriError

__all__ = [
    "DEFAULT_APP_ID",
    "GUID_SIZE",
    "UNSET_GUID",
    "BrokerError",
    "Duration",
    "GuidGenerator",
    "Instant",
    "OperatorError",
    "PeerError",
    "QueueUri",
    "UriError",
    "WireError",
    "format_guid",
    "milliseconds",
    "parse_guid",
    "seconds",
]
