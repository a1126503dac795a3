"""Make the page out of the tables that the parser itself goes by, so that it cannot be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reference_broker.config.reader import Unhonoured
from reference_broker.config.unhonoured import (
    BROKER_UNHONOURED,
    CLUSTERS_UNHONOURED,
    DOMAIN_UNHONOURED,
)

_HEAD: Final = """\
# Configuration: what has no effect

The broker reads BlazingMQ's configuration folder: `bmqbrkrcfg.json`, `clusters.json` and
`domains/*.json`. Every member of the peer's schema is checked for its type and range. Most are
honoured. These are accepted without effect, for the reason given; a path stands for all that is
below it, and the broker's log names those that a folder sets to something else than the neutral
value: at its start, and those of a domain when the domain is loaded. Members that the schema does not
have are named there too, and passed over.

More than one cluster in `myClusters`, a cluster of more than one node, or one whose node is another
broker is refused at the start. The node is this broker if its name is the broker's `hostName`, or if its
endpoint is on this machine and has a port that the broker listens on.

Made by `python -m tools.configuration`; a test compares.
"""


def page() -> str:
    """Return the text of docs/configuration.md."""
    return "\n".join(
        [
            _HEAD,
            *_table("bmqbrkrcfg.json", BROKER_UNHONOURED),
            *_table("clusters.json", CLUSTERS_UNHONOURED),
            *_table("domains/*.json", DOMAIN_UNHONOURED),
        ]
    )


def _table(file: str, members: Mapping[str, Unhonoured]) -> list[str]:
    rows = [f"| `{path}` | {entry.reason} |" for path, entry in members.items()]
    return [f"## {file}", "", "| member | why it has no effect |", "|---|---|", *rows, ""]
