"""`python -m tools.segdump`: what is in a broker's log files, one line a record."""

from __future__ import annotations
