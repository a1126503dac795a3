"""What the operator is told when a configuration cannot be used.

| type              | says                                                                   |
|-------------------|------------------------------------------------------------------------|
| `ConfigError`     | which field, by its path in the document; the value; what is allowed    |
| `ConfigTextError` | line and column where the text stops being JSON                        |
| `ConfigFileError` | which file cannot be read, and why                                     |
| `DomainNotFound`  | the domain has no file; clients see this text [OPEN-15]                |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from reference_broker.base import OperatorError

_SHOWN_CHARS_MAX: Final = 80
_SHOWN_BITS_MAX: Final = 128
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")


class _Missing:
    """The value of a field that is not there."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "missing"


MISSING: Final = _Missing()


class ConfigError(OperatorError):
    """A value that the broker cannot use.

    Attributes:
        path: the field inside the document, as in
            `definition.parameters.storage.queueLimits.messages`; empty for the document itself.
        value: the raw value, or `MISSING`.
        rule: what would be right; a phrase that starts with "must".
        source: the file that the document came from; empty when there is none. Whoever read the
            file sets it.
    """

    def __init__(self, path: str, value: object, rule: str) -> None:
        super().__init__(path, value, rule)
        self.path = path
        self.value = value
        self.rule = rule
        self.source = ""

    def __str__(self) -> str:
        return f"{self.source}: {self._sentence()}" if self.source else self._sentence()

    def _sentence(self) -> str:
        return f"{self.path or 'the document'} is {show(self.value)} but {self.rule}"


class ConfigTextError(ConfigError):
    """The text is not JSON.

    Attributes:
        line: counted from 1.
        column: counted from 1, in characters.
        problem: what is wrong there.
    """

    def __init__(self, line: int, column: int, problem: str) -> None:
        super().__init__("", f"text with an error in line {line}", "must be JSON")
        self.args = (line, column, problem)
        self.line = line
        self.column = column
        self.problem = problem

    def _sentence(self) -> str:
        return f"line {self.line}, column {self.column}: not JSON: {self.problem}"


class ConfigFileError(ConfigError):
    """A file of the configuration folder cannot be read.

    Attributes:
        problem: why not.
    """

    def __init__(self, file: str, problem: str) -> None:
        super().__init__("", file, "must be a readable file")
        self.args = (file, problem)
        self.source = file
        self.problem = problem

    def _sentence(self) -> str:
        return f"cannot be read: {self.problem}"


class DomainNotFound(OperatorError):  # noqa: N818 - the peer's noun, and not a fault of the file
    """There is no file for this domain.

    Attributes:
        file: the path where it would have been.
    """

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"Domain file '{self.file}' doesn't exist"


def show(value: object) -> str:
    """Return a raw value as one short phrase, however large it is."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > _SHOWN_BITS_MAX:
            return f"an integer of {value.bit_length()} bits"
        case str():
            quoted = ascii(value[:_SHOWN_CHARS_MAX])
            return quoted if len(value) <= _SHOWN_CHARS_MAX else f"{quoted} and more"
        case Mapping():
            names = ", ".join(ascii(str(name)[:20]) for name in list(value)[:4])
            return f"an object with {len(value)} members" + (f" ({names})" if names else "")
        case bytes() | Sequence():
            return f"a list of {len(value)} items"
        case _:
            return repr(value)[:_SHOWN_CHARS_MAX]


def join_path(path: str, name: object) -> str:
    """Return the path of a member; a name that would blur the path or the line is quoted."""
    text = str(name)
    if not _PLAIN_NAME.fullmatch(text):
        return f"{path}[{text[:_SHOWN_CHARS_MAX]!a}]"
    return f"{path}.{text}" if path else text
