"""The page of configuration members that are accepted without effect: docs/configuration.md."""

from __future__ import annotations
