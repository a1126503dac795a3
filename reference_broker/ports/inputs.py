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


class FilesFound(NamedTuple):
    """The log files found at the start; the first input of a broker that has a storage folder.

    All of them are durable as they are. The core reads what it needs of them with `Read`, one at
    a time, and says `Ready` when it has.

    Attributes:
        files: (name, size in bytes) of each, sorted by name.
    """

    files: tuple[tuple[str, int], ...]


class ReadDone(NamedTuple):
    """The answer to `Read`.

    Attributes:
        token: of the effect.
        outcome: the bytes of each range, in order; fewer than asked for only where the file ends.
            Or why the file cannot be read.
    """

    token: int
    outcome: tuple[bytes, ...] | OperatorError


class AdminCommand(NamedTuple):
    """A command from the operator that did not come over a connection; answered by `AdminResult`.

    Attributes:
        token: comes back with the answer.
        command: in words, or as a JSON object; `docs/protocol/admin.md` has the grammar.
    """

    token: int
    command: str


class Stop(NamedTuple):
    """Stop gracefully: refuse new work, let consumers confirm what they hold, then close."""


Input: TypeAlias = (
    AdminCommand
    | Received
    | Opened
    | Closed
    | Congested
    | Drained
    | Synced
    | DomainLoaded
    | FilesFound
    | ReadDone
    | Stop
)
