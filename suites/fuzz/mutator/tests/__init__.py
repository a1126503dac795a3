"""Tests of the structure-aware mutator."""

from __future__ import annotations
