"""Tests of the report: the model's rules and what each writer makes of them."""

from __future__ import annotations
