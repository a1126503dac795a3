"""Tests of the expr room."""

from __future__ import annotations
