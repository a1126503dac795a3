"""Ending in order: SIGTERM means what Ctrl-C means.

A suite owns processes: the target, the fault proxy, fuzzers. They end with the contexts that
started them, so a signal must unwind these instead of ending the suite on the spot.
"""

from __future__ import annotations

import signal


def end_in_order_on_sigterm() -> None:
    """Turn SIGTERM into KeyboardInterrupt in the main thread, from now on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
