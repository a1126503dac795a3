"""Tests of the wire room."""

from __future__ import annotations
