"""Tests of the targets."""

from __future__ import annotations
