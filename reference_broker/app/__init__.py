"""The broker put together: as a process and as a library."""

from __future__ import annotations

from reference_broker.app.broker import ReferenceBroker
from reference_broker.app.config_folder import ConfigFolder

__all__ = ["ConfigFolder", "ReferenceBroker"]
