"""Tests of the session room."""

from __future__ import annotations
