"""The asyncio driver: sockets, files and clocks for the core.

It knows no protocol: it gathers what happened, calls `Broker.step`, and carries out the effects.
"""

from __future__ import annotations

from reference_broker.runtime.log_files import LogFiles, StorageError
from reference_broker.runtime.server import BrokerServer, DomainSource, RecordSink

__all__ = ["BrokerServer", "DomainSource", "LogFiles", "RecordSink", "StorageError"]
