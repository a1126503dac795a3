"""Defects that the targets of both styles of properties share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suites.fuzz.oracles import areas
from suites.fuzz.tests.planting import changed, sometimes


def area_defects() -> Mapping[str, tuple[Any, ...]]:
    """Return what may go wrong in reading an area of properties, for `plant`."""
    return {
        "properties forgotten": (
            areas,
            "decode_properties",
            sometimes,
            lambda found: dict(list(found.items())[1:]),
        ),
        "an area of nothing": (areas, "area_size", changed, lambda _: 0),
        "an area too long": (areas, "area_size", changed, lambda size: size + 1_000),
        "an expression sees nothing": (
            areas,
            "property_lookup",
            changed,
            lambda _: lambda _name: None,
        ),
        "an expression sees numbers": (
            areas,
            "property_lookup",
            changed,
            lambda lookup: lambda name: lookup(name) and 1,
        ),
        "an expression sees everything": (
            areas,
            "property_lookup",
            changed,
            lambda lookup: lambda name: lookup(name) or b"",
        ),
    }
