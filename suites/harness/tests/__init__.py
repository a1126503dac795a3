"""Tests of what the suites share: histories and checkers."""

from __future__ import annotations
