"""Tests of the room `app`."""

from __future__ import annotations
