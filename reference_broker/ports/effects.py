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
    """Remove a log file, once all that was written before, to whichever file, is durable.

    So no power loss takes what made a file needless and not the file itself.
    """

    name: str


class Read(NamedTuple):
    """Read parts of a log file, then answer `ReadDone(token)`.

    Attributes:
        token: chosen by the core; it comes back with the answer.
        name: the file.
        ranges: (offset, length) in bytes of each part; together at most one file's content.
    """

    token: int
    name: str
    ranges: tuple[tuple[int, int], ...]


class Ready(NamedTuple):
    """What the files hold is restored: peers may connect from now on."""


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


class AdminResult(NamedTuple):
    """The answer to an `AdminCommand`.

    Attributes:
        token: of the command.
        text: for the operator, in the form that the command asked for.
        rc: 0 for success, -31 for a command that cannot be understood, -2 for one that failed.
    """

    token: int
    text: str
    rc: int


class Stopped(NamedTuple):
    """The graceful stop is complete: nothing more will be asked."""


Effect: TypeAlias = (
    AdminResult
    | Send
    | Write
    | Sync
    | Close
    | CreateFile
    | TruncateFile
    | RemoveFile
    | Read
    | Ready
    | LoadDomain
    | Log
    | Stopped
)
