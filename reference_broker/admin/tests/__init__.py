"""Tests of the admin room."""

from __future__ import annotations
