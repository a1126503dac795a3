"""Tests of the workflow."""

from __future__ import annotations
