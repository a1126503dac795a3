"""The vocabulary between the core and its drivers: inputs, effects and the order they keep.

The ordering contract, which a driver must honour and of which it may use every freedom:

1. Effects are executed in the order of the list that `step` returned, list after list.
2. What a connection is sent leaves in the order of its `Send` effects. A `Send` with `after=token`
   leaves only when the `Sync` with that token is durable, and those behind it on the same
   connection wait with it. Nothing is promised between two connections.
3. A `Write` is visible to later reads of the same file at once and durable only after a `Sync` of
   that file that was issued later. Syncs complete in the order in which they were issued.
   A `RemoveFile` waits until everything that was written before it is durable; a `Read` that was
   issued before it is still answered with what the file holds.
4. `Close` lets what was sent before leave first, within the driver's time limit.
5. Each `Sync` with a token is answered by one `Synced`, each `Read` by one `ReadDone`, each
   `LoadDomain` by one `DomainLoaded`, in any order, in any later step. An answer that never comes
   only delays those who wait for it.
6. If a `Write` or a `Sync` fails the driver stops the broker: what was acknowledged is on disk,
   and nothing after the failure was acknowledged.
7. A broker with a storage folder gets `FilesFound` as its first input. No peer connects before the
   core has said `Ready`; until then it may ask for anything else.
"""

from __future__ import annotations

from reference_broker.ports.effects import (
    AdminResult,
    Close,
    CreateFile,
    Effect,
    LoadDomain,
    Log,
    Read,
    Ready,
    RemoveFile,
    Send,
    Severity,
    Stopped,
    Sync,
    TruncateFile,
    Write,
)
from reference_broker.ports.inputs import (
    AdminCommand,
    Closed,
    Congested,
    DomainLoaded,
    Drained,
    FilesFound,
    Input,
    Opened,
    ReadDone,
    Received,
    Stop,
    Synced,
)

__all__ = [
    "AdminCommand",
    "AdminResult",
    "Close",
    "Closed",
    "Congested",
    "CreateFile",
    "DomainLoaded",
    "Drained",
    "Effect",
    "FilesFound",
    "Input",
    "LoadDomain",
    "Log",
    "Opened",
    "Read",
    "ReadDone",
    "Ready",
    "Received",
    "RemoveFile",
    "Send",
    "Severity",
    "Stop",
    "Stopped",
    "Sync",
    "Synced",
    "TruncateFile",
    "Write",
]
