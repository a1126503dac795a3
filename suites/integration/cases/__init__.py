"""The cases, one module per area; ids are for ever."""

from __future__ import annotations
