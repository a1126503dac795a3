"""What a broker is doing."""

from __future__ import annotations

from enum import Enum


class Phase(Enum):
    """From the start to the end; the values are for `/healthz`."""

    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"
