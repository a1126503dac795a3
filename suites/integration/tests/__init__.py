"""Tests of the suite itself: numbering, catalogue, runner."""

from __future__ import annotations
