"""The `gauntlet` command: the gate, the four suites, the broker."""

from __future__ import annotations
