"""Benchmarks: `python -m tools.bench` prints them all, from one run, with a floor beside them."""

from __future__ import annotations
