"""Changing the files of a target's configuration, for cases about what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from suites.harness.target import Target


def start_anew(target: Target, name: str, change: Callable[[Any], None]) -> None:
    """Change one file and start the target with it, with nothing stored.

    Args:
        target: of the case's own.
        name: of the file, such as `clusters.json`.
        change: gets what the file holds, and changes it.

    Raises:
        TargetError: the target does not start with it.
    """
    path = target.storage.parent / "etc" / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=2) + "\n")
    target.renew()


def set_heartbeats(interval_ms: int, misses: int) -> Callable[[Any], None]:
    """Return what changes `bmqbrkrcfg.json` so that clients are watched in this way."""

    def change(content: Any) -> None:
        interfaces = content["appConfig"]["networkInterfaces"]
        interfaces["heartbeats"]["client"] = misses
        interfaces["tcpInterface"]["heartbeatIntervalMs"] = interval_ms

    return change


def set_journal_size(size: int) -> Callable[[Any], None]:
    """Return what changes `clusters.json` so that journals have so many bytes."""

    def change(content: Any) -> None:
        content["myClusters"][0]["partitionConfig"]["maxJournalFileSize"] = size

    return change
