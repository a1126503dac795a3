"""Unit tests of the configuration room."""

from __future__ import annotations
