"""Command-line tools around the suites and the broker."""

from __future__ import annotations
