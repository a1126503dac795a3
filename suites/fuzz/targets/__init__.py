"""One target to a file: its first line is the sentence that must hold, `test_one_input` tries it."""

from __future__ import annotations
