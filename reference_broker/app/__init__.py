"""The broker put together: as a process and as a library."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reference_broker.app.broker import ReferenceBroker
    from reference_broker.app.config_folder import ConfigFolder
    from reference_broker.app.event_loop import loop_factory

__all__ = ["ConfigFolder", "ReferenceBroker", "loop_factory"]

_MODULES: Final = {
    "ConfigFolder": "config_folder",
    "ReferenceBroker": "broker",
    "loop_factory": "event_loop",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is used, so that a process can catch its signals before."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"reference_broker.app.{_MODULES[name]}"), name)
