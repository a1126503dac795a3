"""Tests of the client room."""

from __future__ import annotations
