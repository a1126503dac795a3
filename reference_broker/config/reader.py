r"""Read a JSON value as a `msgspec.Struct`, in the manner of the peer's decoder.

- A missing member takes its default [FILE-1]; one without a default is required.
- An unknown member is skipped, and reported [FILE-5].
- A choice (a `Choice` struct) is an object with exactly one member.
- Numbers [FILE-8] and booleans may be given as strings.
- `null` stands for "absent" where the schema allows absence, and nowhere else.
- Half a surrogate pair (`"\ud800"`) is refused in strings and in names: it has no UTF-8, so that
  nobody could be told of it.

`msgspec` describes the types; the reading is done here, because an operator needs the path, the
value *and* what would have been allowed in one sentence, and because one walk also yields the
report on members that are unknown or without effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from reference_broker.config.errors import MISSING, ConfigError, join_path
from reference_broker.config.findings import Findings

_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?")
_INDEX: Final = re.compile(r"\[[0-9]+\]")
# Beyond this a float no longer tells neighbouring integers apart.
_EXACT_FLOAT_MAX: Final = 2**53

_WHOLE: Final = "must not hold half a surrogate pair"

_S = TypeVar("_S", bound=msgspec.Struct)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the choice types: every member is optional, and exactly one is there."""

    @property
    def chosen(self) -> str:
        """The name of the member that is there, as it is written in the document."""
        for member in msgspec.structs.fields(self):
            if getattr(self, member.name) is not None:
                return member.encode_name
        raise AssertionError("a choice without a member was let in")


@dataclass(frozen=True, slots=True)
class Unhonoured:
    """Why a member of the schema has no effect in this version.

    Attributes:
        reason: a sentence for operators.
        neutral: the value that asks for nothing, so that it need not be reported.
    """

    reason: str
    neutral: object = MISSING


def read_as(
    kind: type[_S], raw: object, unhonoured: Mapping[str, Unhonoured]
) -> tuple[_S, Findings]:
    """Return `raw` as a `kind`, and the report on what else it said.

    Args:
        kind: the struct that describes the document.
        raw: a JSON value.
        unhonoured: by pattern, which is a path with `[]` for every index.

    Raises:
        ConfigError: a value is not what the schema allows.
    """
    reader = _Reader(unhonoured)
    value: _S = reader.read(_shape_of(kind), raw, "")
    findings = Findings(
        unknown=tuple(reader.unknown), unhonoured=tuple(reader.unhonoured), extra=reader.extra
    )
    return value, findings


@cache
def _shape_of(kind: type[msgspec.Struct]) -> inspect.Type:
    """Return the schema of a struct; finding it out takes longer than reading a file."""
    return inspect.type_info(kind)


def pattern_of(path: str) -> str:
    """Return a path with its indexes taken out: `nodes[3].id` becomes `nodes[].id`."""
    return _INDEX.sub("[]", path)


class _Reader:
    """One walk over one document. The schema's depth bounds the recursion, not the document's."""

    __slots__ = ("_table", "extra", "unhonoured", "unknown")

    def __init__(self, table: Mapping[str, Unhonoured]) -> None:
        self._table = table
        self.unknown: list[str] = []
        self.unhonoured: list[str] = []
        self.extra: dict[str, object] = {}

    def read(self, schema: inspect.Type, raw: object, path: str) -> Any:
        match schema:
            case inspect.StructType():
                return self._read_object(schema, raw, path)
            case inspect.VarTupleType():
                if not isinstance(raw, Sequence) or isinstance(raw, (str, bytes)):
                    raise _refusal(schema, raw, path)
                return tuple(
                    self.read(schema.item_type, item, f"{path}[{index}]")
                    for index, item in enumerate(raw)
                )
            case inspect.UnionType():
                return None if raw is None else self.read(_present(schema), raw, path)
            case _:
                return _read_scalar(schema, raw, path)

    def _read_object(self, schema: inspect.StructType, raw: object, path: str) -> msgspec.Struct:
        if not isinstance(raw, Mapping):
            raise _refusal(schema, raw, path)
        is_choice = issubclass(schema.cls, Choice)
        known = {member.encode_name: member for member in schema.fields}
        if is_choice and (len(raw) != 1 or not known.keys() >= raw.keys()):
            raise _refusal(schema, raw, path)
        values: dict[str, object] = {}
        for name, value in raw.items():
            at = join_path(path, name)
            if not _is_unicode(str(name)):
                raise ConfigError(at, value, f"{_WHOLE} in its name")
            member = known.get(name)
            if member is None:
                self.unknown.append(at)
                self.extra[at] = value
                continue
            kind = _present(member.type) if is_choice else member.type
            values[member.name] = self.read(kind, value, at)
            self._note_unhonoured(at, value, values[member.name])
        for member in schema.fields:
            if member.required and member.name not in values:
                raise _refusal(member.type, MISSING, join_path(path, member.encode_name))
        made: msgspec.Struct = schema.cls(**values)
        return made

    def _note_unhonoured(self, path: str, raw: object, value: object) -> None:
        entry = self._table.get(pattern_of(path))
        if entry is not None and value != entry.neutral:
            self.unhonoured.append(path)
            self.extra[path] = raw


def _present(schema: inspect.Type) -> inspect.Type:
    """Return what an optional type is when it is there."""
    if not isinstance(schema, inspect.UnionType):
        return schema
    present = [kind for kind in schema.types if not isinstance(kind, inspect.NoneType)]
    assert len(present) == 1, schema
    return present[0]


def _read_scalar(schema: inspect.Type, raw: object, path: str) -> object:
    value: object = None
    match schema:
        case inspect.BoolType():
            value = _as_bool(raw)
        case inspect.IntType():
            value = _as_integer(raw)
        case inspect.FloatType():
            value = _as_number(raw)
        case inspect.StrType():
            value = raw if isinstance(raw, str) and len(raw) >= (schema.min_length or 0) else None
            if isinstance(raw, str) and not _is_unicode(raw):
                raise ConfigError(path, raw, _WHOLE)
        case inspect.LiteralType():
            value = raw if isinstance(raw, str) and raw in schema.values else None
        case _:
            raise AssertionError(f"no rule for {schema} at {path}")
    in_range = (
        not isinstance(schema, inspect.IntType | inspect.FloatType)
        or value is None
        # A comparison with NaN is false, so NaN is out of every range.
        or _low(schema) <= value <= _high(schema)  # type: ignore[operator]
    )
    if value is None or not in_range:
        raise _refusal(schema, raw, path)
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_bool(raw: object) -> bool | None:
    if isinstance(raw, bool):
        return raw
    return {"true": True, "false": False}.get(raw) if isinstance(raw, str) else None


def _as_integer(raw: object) -> int | None:
    match raw:
        case bool():
            return None
        case int():
            return raw
        case float() if raw.is_integer() and abs(raw) <= _EXACT_FLOAT_MAX:
            return int(raw)
        case str() if _INTEGER.fullmatch(raw):
            return int(raw)
        case _:
            return None


def _as_number(raw: object) -> float | None:
    match raw:
        case bool():
            return None
        case int() if abs(raw) <= _EXACT_FLOAT_MAX:
            return float(raw)
        case float():
            return raw
        case str() if _NUMBER.fullmatch(raw):
            return float(raw)
        case _:
            return None


def _low(schema: inspect.IntType | inspect.FloatType) -> float:
    assert schema.ge is not None, schema
    return schema.ge


def _high(schema: inspect.IntType | inspect.FloatType) -> float:
    assert schema.le is not None, schema
    return schema.le


def _refusal(schema: inspect.Type, raw: object, path: str) -> ConfigError:
    return ConfigError(path, raw, f"must be {_allowed(schema)}")


def _allowed(schema: inspect.Type) -> str:
    match schema:
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType():
            words = f"an integer from {_low(schema)} to {_high(schema)}"
        case inspect.FloatType():
            words = f"a number from {_low(schema):g} to {_high(schema):g}"
        case inspect.StrType():
            words = "a string that is not empty" if schema.min_length else "a string"
        case inspect.LiteralType():
            words = _one_of([str(value) for value in schema.values])
        case inspect.VarTupleType():
            words = "a list"
        case inspect.UnionType():
            words = _allowed(_present(schema))
        case inspect.StructType() if issubclass(schema.cls, Choice):
            names = _one_of([member.encode_name for member in schema.fields])
            words = f"an object with exactly one member: {names}"
        case inspect.StructType():
            words = "an object"
        case _:
            raise AssertionError(f"no words for {schema}")
    return words


def _one_of(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
