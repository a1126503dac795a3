r"""Control messages in JSON [JSON-1].

::

    {"rId":1,"openQueue":{"handleParameters":{"uri":"bmq:\/\/d\/q","qId":0,"flags":4, ...}}}

- a member is called by its wire name; an untagged choice adds no level, its alternative stands
  among the members of the sequence;
- enumerators are names [JSON-2] (the decoder takes the numbers [JSON-12], too), bytes are base64
  [JSON-3], 64-bit integers are plain numbers (the decoder takes them in quotes [JSON-13], too);
- absent optional members and empty arrays are left out; the decoder takes `null` for the former
  [JSON-14];
- `/` is written `\/` and there is no white space, as the peer has it.

The decoder skips unknown members [JSON-4], takes the last of several of one name [JSON-15], and gives
missing ones their defaults. It refuses what is not UTF-8 or not JSON [JSON-5], or no object [JSON-6],
numbers with a fraction or an exponent or out of range [JSON-8], values of the wrong type [JSON-9],
enumerators that do not exist [JSON-10], halves of surrogate pairs [JSON-11], several members where
a choice is the message, more than `CONTROL_NESTING_MAX` levels [JSON-7], more than
`CONTROL_MEMBERS_MAX` members of an object or elements of an array. Python's own parser is never
shown a deeper text.

Peer: baljsn_encoder.h, baljsn_decoder.h of BDE.
"""

from __future__ import annotations

import binascii
import json
import re
from contextlib import suppress
from typing import Any, Final

from reference_broker.base import WireError, limits
from reference_broker.wire.control.kinds import INTEGER_BOUNDS, Kind
from reference_broker.wire.control.schema import (
    Alternative,
    Choice,
    M,
    Member,
    Schema,
    assert_value,
    schema_of,
)

_VALUE_CHARS_SHOWN_MAX: Final = 80
_QUOTABLE_KINDS: Final = frozenset({Kind.I64, Kind.U64})
_QUOTED_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
# A whole string (its quotes hide brackets), or one bracket. It matches an unfinished string, too, so
# that every character is looked at once.
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)

# What the parser makes of an object: its members in their order, repeated names included. An array
# is a list.
_Object = tuple[tuple[str, object], ...]


def encode(message: object) -> bytes:
    """Return the JSON form of a message, without padding.

    Characters that are not UTF-8 (kept as surrogate escapes when they came in BER) turn into `?`,
    because JSON has no way to carry them.

    Args:
        message: any message of the schema.

    Raises:
        AssertionError: a value is of the wrong type or too wide for its member.
    """
    tree = _to_tree(schema_of(type(message)), message)
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    return text.replace("/", "\\/").encode("utf-8", "replace")


def _to_tree(schema: Schema, message: object) -> dict[str, object]:
    tree: dict[str, object] = {}
    for member in schema.members:
        value = getattr(message, member.attribute)
        if member.kind is Kind.CHOICE:
            if value is not None:
                alternative = _alternative_of(member.choice, value)
                tree[alternative.name] = _to_tree(alternative.schema, value)
        elif value is None:
            assert member.is_optional, f"{member.name} is None but not optional"
        elif value != ():
            tree[member.name] = _to_json(member, value)
    return tree


def _alternative_of(choice: Choice | None, value: object) -> Alternative:
    assert choice is not None
    alternative = choice.by_type.get(type(value))
    assert alternative is not None, f"choice is {value!r:.100} but must be one of {choice.by_name}"
    return alternative


def _to_json(member: Member, value: Any) -> object:
    assert_value(member, value)
    if member.kind is Kind.ENUM:
        return value.name
    if member.kind is Kind.BYTES:
        return binascii.b2a_base64(value, newline=False).decode("ascii")
    if member.kind is Kind.MESSAGE:
        assert member.schema is not None
        return _to_tree(member.schema, value)
    if member.kind is Kind.ARRAY:
        assert member.schema is not None
        return [_to_tree(member.schema, element) for element in value]
    return value


def decode(message_type: type[M], data: bytes, base_offset: int = 0) -> M:
    """Decode one message.

    Args:
        message_type: the message that must be there.
        data: the payload without padding.
        base_offset: where the payload begins in its event. An error in the text reports its own
            offset in the event, an error in a value this one: the field's path tells where it is.

    Raises:
        WireError: the payload is not such a message.
    """
    decoder = _Decoder(message_type.__name__, base_offset)
    message: M = decoder.message(schema_of(message_type), decoder.parse(data))
    return message


class _Decoder:
    """One pass over one payload."""

    __slots__ = ("_base_offset", "_path")

    def __init__(self, name: str, base_offset: int) -> None:
        self._base_offset = base_offset
        self._path = [name]

    def parse(self, data: bytes) -> object:
        """Return the tree of a JSON text: tuples of pairs for objects, lists for arrays."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            at = self._base_offset + error.start
            octet = f"octet {data[error.start]:#04x}"
            raise WireError(self._field(), octet, "JSON must be UTF-8", at) from None
        self._check_depth(text)
        try:
            return json.loads(
                text, object_pairs_hook=self._object, parse_constant=self._refuse_constant
            )
        except json.JSONDecodeError as error:
            at = self._base_offset + len(text[: error.pos].encode())
            rule = f"must be JSON: {error.msg}"
            raise WireError(self._field(), _shown(text), rule, at) from None
        except ValueError:
            # The interpreter refuses to read integers of thousands of digits.
            raise self._error("a huge number", "must be an integer of 64 bits at most") from None

    def _check_depth(self, text: str) -> None:
        if text.count("{") + text.count("[") <= limits.CONTROL_NESTING_MAX:
            return
        depth = 0
        for token in _STRING_OR_BRACKET.finditer(text):
            first = text[token.start()]
            if first in "{[":
                depth += 1
            elif first in "}]":
                depth -= 1
            if depth > limits.CONTROL_NESTING_MAX:
                at = self._base_offset + len(text[: token.start()].encode())
                rule = f"must be {limits.CONTROL_NESTING_MAX} at most"
                raise WireError(self._field(), f"nesting of {depth}", rule, at)

    def _object(self, pairs: list[tuple[str, object]]) -> _Object:
        self._check_count(len(pairs))
        return tuple(pairs)

    def _refuse_constant(self, text: str) -> object:
        raise self._error(text, "must be JSON, which has no such number")

    def message(self, schema: Schema, tree: object) -> Any:
        """Build a message from an object of the tree."""
        if not isinstance(tree, tuple):
            raise self._error(_shown(tree), "must be an object")
        if schema.is_choice and len(tree) > 1:
            raise self._error(f"{len(tree)} members", "there must be 1 at most")
        values: dict[str, object] = {}
        for name, value in tree:
            member = schema.by_name.get(name)
            if member is not None:
                self._path.append(f".{name}")
                values[member.attribute] = self._value(member, value)
                self._path.pop()
            elif schema.choice is not None:
                self._maybe_choose(schema.choice, name, value, values)
        return schema.message(**values)

    def _maybe_choose(
        self, member: Member, name: str, value: object, values: dict[str, object]
    ) -> None:
        assert member.choice is not None
        alternative = member.choice.by_name.get(name)
        if alternative is not None:
            self._path.append(f".{name}")
            values[member.attribute] = self.message(alternative.schema, value)
            self._path.pop()

    def _value(self, member: Member, value: object) -> object:
        if value is None:
            if member.is_optional:
                return None
            raise self._error("null", "it is not optional")
        if member.kind is Kind.MESSAGE:
            assert member.schema is not None
            return self.message(member.schema, value)
        if member.kind is Kind.ARRAY:
            assert member.schema is not None
            return self._array(member.schema, value)
        return self._plain(member, value)

    def _plain(self, member: Member, value: object) -> object:
        match member.kind:
            case Kind.BOOL:
                return self._bool(value)
            case Kind.STRING:
                return self._string(value)
            case Kind.BYTES:
                return self._bytes(value)
            case Kind.ENUM:
                return self._enumerator(member, value)
            case _:
                return self._integer(member, value)

    def _array(self, schema: Schema, value: object) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise self._error(_shown(value), "must be an array")
        self._check_count(len(value))
        elements = []
        for index, element in enumerate(value):
            self._path.append(f"[{index}]")
            elements.append(self.message(schema, element))
            self._path.pop()
        return tuple(elements)

    def _bool(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise self._error(_shown(value), "must be true or false")
        return value

    def _string(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._error(_shown(value), "must be a string")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self._error(_shown(value), "must not hold half a surrogate pair") from None
        return value

    def _bytes(self, value: object) -> bytes:
        text = self._string(value)
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except ValueError:
            raise self._error(_shown(value), "must be base64") from None

    def _enumerator(self, member: Member, value: object) -> object:
        names = member.enumeration
        assert names is not None
        if isinstance(value, str) and value in names.__members__:
            return names[value]
        if isinstance(value, int) and not isinstance(value, bool):
            with suppress(ValueError):
                return names(value)
        raise self._error(_shown(value), f"must be one of {list(names.__members__)}")

    def _integer(self, member: Member, value: object) -> int:
        low, high = INTEGER_BOUNDS[member.kind]
        number = value
        if (
            isinstance(value, str)
            and member.kind in _QUOTABLE_KINDS
            and _QUOTED_INTEGER.fullmatch(value)
        ):
            number = int(value)
        if not isinstance(number, int) or isinstance(number, bool):
            raise self._error(_shown(value), "must be an integer")
        if not low <= number <= high:
            raise self._error(_shown(value), f"must be within {low}..{high}")
        return number

    def _check_count(self, count: int) -> None:
        if count > limits.CONTROL_MEMBERS_MAX:
            raise self._error(f"{count} members", f"must be {limits.CONTROL_MEMBERS_MAX} at most")

    def _field(self) -> str:
        return "".join(self._path)

    def _error(self, value: object, rule: str) -> WireError:
        return WireError(self._field(), value, rule, self._base_offset)


def _shown(value: object) -> str:
    """Print a value of the peer's, shortened, and harmless in a log."""
    if isinstance(value, (tuple, list)):
        return f"an {'object' if isinstance(value, tuple) else 'array'} of {len(value)}"
    text = ascii(value[:_VALUE_CHARS_SHOWN_MAX] if isinstance(value, str) else value)
    return text if len(text) <= _VALUE_CHARS_SHOWN_MAX else text[:_VALUE_CHARS_SHOWN_MAX] + "..."
