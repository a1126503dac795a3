"""Which event loop runs a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory where it is installed, for `asyncio.Runner`; None is asyncio's own."""
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - optional: faster, not different

        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        return factory
    return None
