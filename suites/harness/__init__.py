"""What the four suites share: targets, faults, histories, checkers and the report."""

from __future__ import annotations
