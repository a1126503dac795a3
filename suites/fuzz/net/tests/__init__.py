"""Tests of the sweep and of the black-box mode."""

from __future__ import annotations
