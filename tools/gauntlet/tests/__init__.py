"""Tests of the `gauntlet` command."""

from __future__ import annotations
