"""Tests of segdump."""

from __future__ import annotations
