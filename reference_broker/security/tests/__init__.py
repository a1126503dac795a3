"""Tests of the security room."""

from __future__ import annotations
