"""Tests of the control messages."""

from __future__ import annotations
