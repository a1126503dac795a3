"""Tests of the queue room."""

from __future__ import annotations
