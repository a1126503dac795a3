"""Tests of the room `base`."""

from __future__ import annotations
