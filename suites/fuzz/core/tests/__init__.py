"""Tests of the fuzz suite."""

from __future__ import annotations
