"""Defects and inputs that the targets of all three configuration files share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from reference_broker.config import ConfigError, ConfigTextError
from suites.fuzz.tests.planting import changed, raising, replaced, sometimes


def document_defects(target: ModuleType, door: str) -> Mapping[str, tuple[Any, ...]]:
    """Return what may go wrong in the function that a target reads a file with, for `plant`."""
    more = "must be" * 9_999
    return {
        name: (target, door, *how)
        for name, how in {
            "untyped": (replaced, raising(KeyError("name"))),
            "no word on the member": (
                replaced,
                raising(ConfigError("appConfig.nothing\n", 1, "must be")),
            ),
            "an endless complaint": (replaced, raising(ConfigError("x", 1, more))),
            "another from the JSON value": (
                sometimes,
                lambda found: replace(found, unknown=(*found.unknown, "x")),
            ),
            "forgets what is unknown": (changed, lambda found: replace(found, extra={"x": 1})),
            "no such line": (replaced, raising(ConfigTextError(99, 1, "no"))),
        }.items()
    }


def documents(names: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Return texts: JSON whose members often have names that a file has, and anything."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(names), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50)
