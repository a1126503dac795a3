"""A BlazingMQ broker and client in Python: the reference that the suites are tested against.

`ReferenceBroker` runs a broker on the current event loop, `Client` and `BlockingClient` talk to
any broker. `python -m reference_broker` runs one as a process. The folder listing is the
architecture; `docs/ARCHITECTURE.md` explains it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference_broker.app import ReferenceBroker
    from reference_broker.client import BlockingClient, Client, ClientSettings, QueueOptions

__all__ = ["BlockingClient", "Client", "ClientSettings", "QueueOptions", "ReferenceBroker"]


def __getattr__(name: str) -> object:
    """Import a public name when it is used: who needs one room does not pay for all."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "app" if name == "ReferenceBroker" else "client"
    return getattr(import_module(f"reference_broker.{room}"), name)
