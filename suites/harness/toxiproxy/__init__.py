"""Network faults through Toxiproxy: a launcher for a server, and a server of our own.

`ToxiproxyServer` starts the real `toxiproxy-server` where there is one and our own otherwise; both
answer the same HTTP API, so `toxiproxy-python` and every other Toxiproxy client drives either. Our
own needs nothing installed and seeds its randomness; `python -m suites.harness.toxiproxy` runs it.
"""

from __future__ import annotations

from suites.harness.toxiproxy.launcher import (
    ToxiproxyServer,
    find_real_server,
    install_with_go,
)

__all__ = ["ToxiproxyServer", "find_real_server", "install_with_go"]
