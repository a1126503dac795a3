"""What a client says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reference_broker.base import Duration, seconds
from reference_broker.wire.control import ClientIdentity, ClientType, GuidInfo
from reference_broker.wire.features import CLIENT_FEATURES

_REQUEST_TIMEOUT: Final = seconds(30)


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What a client says of itself.

    Attributes:
        client_id: 6 bytes, unique; the end of every GUID it makes.
        process_name: for the broker's logs.
        pid: process id.
        session_id: which of the process's sessions.
        epoch_wall_ns: wall clock at time 0 of the session's clock, nanoseconds since the epoch.
        request_timeout: how long an answer may take.
        features: what it can do.
    """

    client_id: bytes
    process_name: str = "gauntlet"
    pid: int = 1
    session_id: int = 1
    epoch_wall_ns: int = 0
    request_timeout: Duration = _REQUEST_TIMEOUT
    features: str = CLIENT_FEATURES

    def identity(self) -> ClientIdentity:
        """Return what opens a connection."""
        return ClientIdentity(
            protocol_version=1,
            client_type=ClientType.E_TCPCLIENT,
            process_name=self.process_name,
            pid=self.pid,
            session_id=self.session_id,
            features=self.features,
            guid_info=GuidInfo(
                client_id=self.client_id.hex().upper(), nano_seconds_from_epoch=self.epoch_wall_ns
            ),
            user_agent=f"gauntlet:{self.process_name}",
        )
