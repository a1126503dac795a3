"""Tests of the runtime room."""

from __future__ import annotations
