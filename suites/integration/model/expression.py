"""Subscription expressions, each beside what it means.

The meaning is written down in Python, and not found by a second parser, so that the model does not
share the broker's mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

Values = Mapping[str, Any]


class Meaning(NamedTuple):
    """An expression.

    Attributes:
        text: of the expression; empty for none.
        matches: whether a message with such properties is wanted.
    """

    text: str
    matches: Callable[[Values], bool]


#: By index, which is how programs name them. The last one does not compile, which makes it true.
EXPRESSIONS: Final = (
    Meaning("", lambda _: True),
    Meaning("x == 1", lambda p: p.get("x") == 1),
    Meaning("x >= 2", lambda p: "x" in p and p["x"] >= 2),
    Meaning("x < 9", lambda p: "x" in p and p["x"] < 9),
    Meaning('s == "red"', lambda p: p.get("s") == "red"),
    Meaning('x > 0 && s == "red"', lambda p: p.get("x", 0) > 0 and p.get("s") == "red"),
    Meaning("x == 1 || flag", lambda p: "x" in p and (p["x"] == 1 or p.get("flag") is True)),
    Meaning("flag", lambda p: p.get("flag") is True),
    Meaning("x == 0 && exists(b)", lambda _: False),
    Meaning("n > 5", lambda p: p.get("n", 0) > 5),
    Meaning("!(x == 1)", lambda p: "x" in p and p["x"] != 1),
    Meaning("x == == 1", lambda _: True),
)
