"""Tests of the stress suite; those that need Locust run it in processes of its own."""

from __future__ import annotations
