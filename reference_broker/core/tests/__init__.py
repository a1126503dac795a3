"""Tests of the core room."""

from __future__ import annotations
