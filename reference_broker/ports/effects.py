"""What the core asks of the world. All are values; see the room's docstring for their order."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias


class Severity(IntEnum):
    """How much an operator should care."""

    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40


class Send(NamedTuple):
    """Send the chunks, one after the other, on a connection.

    Attributes:
        connection: where to.
        chunks: bytes to join.
        after: the token of a `Sync` that must be durable first; 0 for none.
    """

    connection: int
    chunks: Sequence[bytes]
    after: int = 0


class Close(NamedTuple):
    """Close a connection after what was sent has left."""

    connection: int
    reason: str


class CreateFile(NamedTuple):
    """Create an empty log file; it does not exist yet.

    Everything written to older files is durable before the new one is there, so that no power loss
    can take the end of one file and leave the next.
    """

    name: str


class Write(NamedTuple):
    """Append the chunks to a log file."""

    name: str
    chunks: Sequence[bytes]


class Sync(NamedTuple):
    """Make everything written to a log file so far durable, then answer `Synced(token)`.

    Attributes:
        name: the file.
        token: a number that grows; 0 wants no answer, a later sync's answer covers it.
    """

    name: str
    token: int


class TruncateFile(NamedTuple):
    """Cut a log file to a size in bytes, durably."""

    name: str
    size: int


class RemoveFile(NamedTuple):
    """Remove a log file."""

    name: str


class LoadDomain(NamedTuple):
    """Look up a domain's configuration by its qualified name; answered by `DomainLoaded`."""

    name: str


class Log(NamedTuple):
    """A record for the operator.

    Attributes:
        severity: how much it matters.
        message: one sentence in words.
        fields: (name, value) pairs for machines.
    """

    severity: Severity
    message: str
    fields: tuple[tuple[str, str | int], ...] = ()


class Stopped(NamedTuple):
    """The graceful stop is complete: nothing more will be asked."""


Effect: TypeAlias = (
    Send
    | Write
    | Sync
    | Close
    | CreateFile
    | TruncateFile
    | RemoveFile
    | LoadDomain
    | Log
    | Stopped
)
