"""Tests of the chaos suite; the suite itself is tested with brokers that are broken on purpose."""

from __future__ import annotations
