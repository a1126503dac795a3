"""The broker put together: as a process and as a library."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference_broker.app.broker import ReferenceBroker
    from reference_broker.app.config_folder import ConfigFolder

__all__ = ["ConfigFolder", "ReferenceBroker"]


def __getattr__(name: str) -> object:
    """Import a public name when it is used: a process catches its signals before it imports a broker."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "broker" if name == "ReferenceBroker" else "config_folder"
    return getattr(import_module(f"reference_broker.app.{module}"), name)
