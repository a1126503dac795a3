"""The four published suites and the harness that they share."""

from __future__ import annotations
