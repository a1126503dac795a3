"""Tests of the scoreboard."""

from __future__ import annotations
