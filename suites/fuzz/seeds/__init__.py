"""Where fuzzing begins: recorded events, and inputs that are made, by target and name."""

from __future__ import annotations
