"""What must hold for any configuration file: it is read, or the operator is told what to mend.

- the only rejection is a `ConfigError`: one line of printable text, not much longer than what it is
  about, that begins with the file and names the member, or line and column;
- the member that is named is the one that has the value that is shown, wherever the file gives one;
- the JSON value that Python's parser makes of the file means what the file means;
- what has no effect is listed once, with its raw value and, if the member is known, a reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from reference_broker.base import OperatorError
from reference_broker.config import (
    MISSING,
    ConfigError,
    ConfigTextError,
    Findings,
    RawConfig,
    unhonoured_reason,
)

C = TypeVar("C", bound=Findings)

#: Characters of a complaint beside those that come from the file.
COMPLAINT_CHARS_MAX: Final = 1_000
# A character is up to ten when it is shown: `\\U0001f34e`.
_COMPLAINT_FACTOR_MAX: Final = 10
_STEP: Final = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")


def check_document(data: bytes, file: str, parse: Callable[[RawConfig], C]) -> C | None:
    """Read a configuration file.

    Args:
        data: the file.
        file: what it is called.
        parse: raises nothing but `ConfigError`.

    Returns:
        What it says; None if it is refused.

    Raises:
        AssertionError: a statement of this module does not hold.
        Exception: what `parse` must not raise.
    """
    try:
        parsed = parse(data)
    except ConfigError as error:
        error.source = file
        _check_complaint(error, data, file)
        return None
    tree = json.loads(data.decode("utf-8-sig"))
    from_tree = parse(tree)
    assert from_tree == parsed, f"{parsed}, but {from_tree} from the JSON value"
    _check_findings(parsed, tree)
    return parsed


def check_operator_error(error: OperatorError, size: int) -> None:
    """Check that a complaint about a file of `size` bytes can be shown to the operator."""
    text = str(error)
    assert text.isprintable(), f"not one line of text: {text!r}"
    most = COMPLAINT_CHARS_MAX + _COMPLAINT_FACTOR_MAX * size
    assert len(text) <= most, f"{len(text)} characters about {size} bytes: {text:.200}"


def _check_complaint(error: ConfigError, data: bytes, file: str) -> None:
    check_operator_error(error, len(data))
    text = str(error)
    assert text.startswith(f"{file}: "), f"the file is not named: {text}"
    if isinstance(error, ConfigTextError):
        lines = data.count(b"\n") + data.count(b"\r") + 1
        assert 1 <= error.line <= lines, f"there are {lines} lines: {text}"
        assert 1 <= error.column <= len(data) + 1, f"there are {len(data)} bytes: {text}"
        assert f"line {error.line}, column {error.column}" in text, text
        return
    assert (error.path or "the document") in text, f"{error.path} is not named: {text}"
    assert error.rule in text, f"what is allowed is not said: {text}"
    if not error.path:
        return
    try:
        tree = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return  # refused by the parser, which knows names but no paths
    value = member_at(tree, error.path)
    if value is not MISSING:
        assert _is_about(error, value), f"{error.path} is {value!r:.80}: {text}"


def _unique(members: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(members)
    if len(made) < len(members):
        raise ValueError("a member is given twice")
    return made


def _is_about(error: ConfigError, value: object) -> bool:
    """Tell whether an error shows the value that a file has there, as it is or as it was read."""
    shown = error.value
    if shown is MISSING:
        return False
    if isinstance(value, dict):  # or its name, or what is chosen in it
        return shown == value or shown in (value.get("name"), *value)
    if isinstance(value, list) and isinstance(shown, tuple):
        return len(shown) == len(value)
    if isinstance(value, str) and not isinstance(shown, str):  # it had quotes
        is_bool = isinstance(shown, bool)
        return value.lower() == str(shown).lower() if is_bool else float(value) == shown
    return shown == value


def member_at(tree: object, path: str) -> object:
    """Return what a path leads to in a JSON value; `MISSING` if it cannot be followed."""
    position = 0
    value: Any = tree
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return MISSING  # a name that is quoted
        position = step.end()
        name, index = step.groups()
        if index is not None:
            is_there = isinstance(value, list) and int(index) < len(value)
        else:
            is_there = isinstance(value, Mapping) and name in value
        if not is_there:
            return MISSING
        value = value[int(index) if index is not None else name]
    return value


def _check_findings(parsed: Findings, tree: object) -> None:
    listed = parsed.unknown + parsed.unhonoured
    assert set(listed) == set(parsed.extra), f"{listed}, but the raw values of {[*parsed.extra]}"
    assert len(set(parsed.unhonoured)) == len(parsed.unhonoured), parsed.unhonoured
    for path in parsed.unhonoured:
        assert unhonoured_reason(path), path
        raw = parsed.extra[path]
        value = member_at(tree, path)
        assert value == raw, f"{path} is {value!r:.80}, but {raw!r:.80} is reported"
