"""What may break a rule, and why. An entry that nothing needs is itself a finding."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: Rule, then a path or `path::name` of a function, class or variable, then the reason.
EXEMPTIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "function-length": {
            "reference_broker/config/tests/peer_files.py::broker": "one file of the peer, as data",
            "reference_broker/config/tests/peer_files.py::clusters": "one file of the peer, as data",
        },
        "sleep": {
            "reference_broker/client/blocking.py": "the bounded pause between two tries to connect",
            "suites/stress/load.py": "at the end it listens a moment for what must not come",
            "suites/integration/log.py": "paces looks at a file; nobody tells when it grows",
            "suites/chaos/nemesis.py": "paces the faults; gives a taken port a bounded second chance",
            "suites/chaos/run.py": "how long the load lasts",
            "suites/chaos/workload.py": "paces the load",
            "suites/harness/toxiproxy/toxics.py": "a latency toxic delays; that is its purpose",
        },
    }
)
