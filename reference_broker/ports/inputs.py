"""What the world tells the core. All are values; connections are numbers the driver gives out."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from reference_broker.base import OperatorError
from reference_broker.config import DomainConfig


class Opened(NamedTuple):
    """A peer has connected."""

    connection: int
    peer: str  # address, for identities and logs


class Received(NamedTuple):
    """Bytes arrived on a connection, in any chunks."""

    connection: int
    data: bytes


class Closed(NamedTuple):
    """A connection is gone, whoever ended it; the last input that names it."""

    connection: int
    reason: str


class Congested(NamedTuple):
    """The peer does not read: more bytes wait for it than the driver likes to hold."""

    connection: int


class Drained(NamedTuple):
    """The peer reads again."""

    connection: int


class Synced(NamedTuple):
    """The sync with this token is durable, and every earlier one of the same file."""

    token: int


class DomainLoaded(NamedTuple):
    """The answer to `LoadDomain`: the configuration, or why there is none."""

    name: str
    outcome: DomainConfig | OperatorError


class Recovered(NamedTuple):
    """The log segments found at the start, oldest first; the first input of a broker, if any.

    Attributes:
        segments: (file name, content) of each.
    """

    segments: tuple[tuple[str, bytes], ...]


class Stop(NamedTuple):
    """Stop gracefully: refuse new work, let consumers confirm what they hold, then close."""


Input: TypeAlias = (
    Received | Opened | Closed | Congested | Drained | Synced | DomainLoaded | Recovered | Stop
)
