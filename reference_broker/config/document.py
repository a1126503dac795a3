"""From the bytes of a file to plain JSON values.

Stricter than a bare parser in one way: a member that is given twice in one object is refused,
because whichever of the two won, the other would be lost without a word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NoReturn, TypeAlias

from msgspec import Struct, to_builtins

from reference_broker.base.limits import MIB
from reference_broker.config.errors import ConfigError, ConfigTextError, join_path

# No file of the peer's format comes near; the text is held in memory as a whole.
CONFIG_BYTES_MAX: Final = 4 * MIB

RawConfig: TypeAlias = bytes | Mapping[str, object]


def load_document(raw: RawConfig) -> object:
    """Return the JSON value of a document; a mapping is returned as it is.

    Args:
        raw: UTF-8 text (a byte order mark is skipped), or a value that is already parsed.

    Raises:
        ConfigTextError: not UTF-8 or not JSON, with line and column.
        ConfigError: longer than `CONFIG_BYTES_MAX`, or a member is given twice.
    """
    if not isinstance(raw, bytes):
        return raw
    if len(raw) > CONFIG_BYTES_MAX:
        raise ConfigError("", raw, f"must not be longer than {CONFIG_BYTES_MAX} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(raw, error.start) from None
    try:
        value: object = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ConfigTextError(error.lineno, error.colno, error.msg) from None
    except RecursionError:
        raise ConfigError("", raw, "must not be nested so deeply") from None
    except ValueError:
        # Python refuses to convert integers of thousands of digits, without saying where.
        raise ConfigError("", raw, "must not contain integers of thousands of digits") from None
    return value


def document_json(document: Struct) -> str:
    """Return a part of a document as a JSON text, with the defaults of what it leaves out."""
    return json.dumps(_given(to_builtins(document)), indent=2)


def _given(value: object) -> object:
    """Return a JSON value without the members that are null: they were not given."""
    if isinstance(value, dict):
        return {name: _given(member) for name, member in value.items() if member is not None}
    return [_given(each) for each in value] if isinstance(value, list) else value


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, value in members:
        if name in made:
            raise ConfigError(join_path("", name), value, "must not be given twice in one object")
        made[name] = value
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise ConfigError("", name, "must be JSON, which has no such number")


def _not_utf8(raw: bytes, offset: int) -> ConfigTextError:
    before = raw[:offset]
    line_start = before.rfind(b"\n") + 1
    column = len(before[line_start:].decode("utf-8", "replace")) + 1
    return ConfigTextError(
        before.count(b"\n") + 1, column, f"byte 0x{raw[offset]:02x} is not UTF-8"
    )
