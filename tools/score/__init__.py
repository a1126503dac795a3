"""The scoreboard of the seeded defects: which cases of the integration suite each one turns red."""

from __future__ import annotations
