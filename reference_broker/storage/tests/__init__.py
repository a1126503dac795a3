"""Tests of the storage room."""

from __future__ import annotations
