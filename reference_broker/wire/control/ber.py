"""Control messages in BER.

::

    | tag                          | length                      | content            |
    | 7 6 class, 5 form, 4-0 number| 0..127, or 81 nn .. 84 nnnnnnnn | that many octets |
    |                              | 80: until 00 00             | constructed only   |

    message          30 80  members  00 00
    member           80+id  length  value            or  A0+id 80  content  00 00
    array element    30 80  members  00 00
    untagged choice  A0+id 80  A0+alternative 80  members  00 00  00 00

The encoder writes what the peer's does: every constructed element with the indefinite length, every
member in the order of the ids even if it is the default, and nothing for an absent optional one.

The decoder accepts what the peer's accepts: definite lengths [BER-1], any order [BER-2], missing
members (their defaults) [BER-3], unknown ones (skipped) [BER-4], a member twice (the last one
holds) [BER-20], superfluous leading octets of integers up to the width of the type [BER-21],
anything after the end [BER-5]. Strings may hold any octets [BER-6]; what is not UTF-8 is kept as surrogate escapes and
encodes to the same octets again. Refused are:

- a primitive element where a constructed one belongs, or the reverse [BER-13];
- a tag of another class than context-specific in a sequence, or than SEQUENCE for an element of an
  array [BER-19] and for the message [BER-9]; a tag number without an end [BER-18];
- an integer wider than its type [BER-14], an enumerator that does not exist [BER-15], a bool of
  other than 1 octet [BER-16];
- a length of more than 4 octets or beyond 2^31-1 [BER-11] or beyond what is there [BER-12]; a
  missing end [BER-10];
- a choice with two alternatives [BER-17];
- more than `CONTROL_NESTING_MAX` levels [BER-8], more than `CONTROL_MEMBERS_MAX` elements in one
  sequence [BER-7].

Time is linear in the size of the input. Recursion follows the schema, 13 levels at most; unknown
elements are skipped by a loop.

Peer: balber_berencoder.h, balber_berdecoder.h of BDE.
"""

from __future__ import annotations

from typing import Any, Final

from reference_broker.base import WireError, limits
from reference_broker.wire.control.kinds import INTEGER_BOUNDS, Kind
from reference_broker.wire.control.schema import (
    Choice,
    M,
    Member,
    Schema,
    assert_value,
    schema_of,
)

_SEQUENCE: Final = 0x30
_CONTEXT_PRIMITIVE: Final = 0x80
_CONTEXT_CONSTRUCTED: Final = 0xA0
_CLASS_MASK: Final = 0xC0
_CONTEXT_CLASS: Final = 0x80
_CONSTRUCTED_BIT: Final = 0x20
_CLASS_AND_FORM: Final = 0xE0
_NUMBER_MASK: Final = 0x1F
_SEQUENCE_NUMBER: Final = 16
_INDEFINITE: Final = 0x80
_END_OF_CONTENTS: Final = b"\0\0"

_TAG_NUMBER_OCTETS_MAX: Final = 5
_LENGTH_OCTETS_MAX: Final = 4
_LENGTH_MAX: Final = 2**31 - 1

_CONSTRUCTED_KINDS: Final = frozenset({Kind.MESSAGE, Kind.ARRAY, Kind.CHOICE})
_UNSIGNED_KINDS: Final = frozenset({Kind.U32, Kind.U64})
_WIDTHS: Final = {kind: (high.bit_length() + 7) // 8 for kind, (_, high) in INTEGER_BOUNDS.items()}


def encode(message: object) -> bytes:
    """Return the BER form of a message, without padding.

    Args:
        message: any message of the schema.

    Raises:
        AssertionError: a value is of the wrong type or too wide for its member.
    """
    out = bytearray((_SEQUENCE, _INDEFINITE))
    _put_members(out, schema_of(type(message)), message)
    out += _END_OF_CONTENTS
    return bytes(out)


def _put_members(out: bytearray, schema: Schema, message: object) -> None:
    for member in schema.members:
        value = getattr(message, member.attribute)
        if member.kind is Kind.CHOICE:
            out += bytes((_CONTEXT_CONSTRUCTED | member.id, _INDEFINITE))
            _put_alternative(out, member.choice, value)
            out += _END_OF_CONTENTS
        elif value is not None:
            _put_value(out, member, value)
        else:
            assert member.is_optional, f"{member.name} is None but not optional"


def _put_alternative(out: bytearray, choice: Choice | None, value: object) -> None:
    if value is None:
        return
    assert choice is not None
    alternative = choice.by_type.get(type(value))
    assert alternative is not None, f"choice is {value!r:.100} but must be one of {choice.by_name}"
    out += bytes((_CONTEXT_CONSTRUCTED | alternative.id, _INDEFINITE))
    _put_members(out, alternative.schema, value)
    out += _END_OF_CONTENTS


def _put_value(out: bytearray, member: Member, value: Any) -> None:
    assert_value(member, value)
    if member.kind is Kind.MESSAGE:
        assert member.schema is not None
        out += bytes((_CONTEXT_CONSTRUCTED | member.id, _INDEFINITE))
        _put_members(out, member.schema, value)
        out += _END_OF_CONTENTS
    elif member.kind is Kind.ARRAY:
        assert member.schema is not None
        out += bytes((_CONTEXT_CONSTRUCTED | member.id, _INDEFINITE))
        for element in value:
            out += bytes((_SEQUENCE, _INDEFINITE))
            _put_members(out, member.schema, element)
            out += _END_OF_CONTENTS
        out += _END_OF_CONTENTS
    else:
        content = _primitive_content(value)
        out.append(_CONTEXT_PRIMITIVE | member.id)
        _put_length(out, len(content))
        out += content


def _primitive_content(value: object) -> bytes:
    if isinstance(value, bool):
        return b"\1" if value else b"\0"
    if isinstance(value, int):
        bits = (value if value >= 0 else ~value).bit_length()
        return value.to_bytes(bits // 8 + 1, "big", signed=True)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    assert isinstance(value, bytes)
    return value


def _put_length(out: bytearray, length: int) -> None:
    assert length <= _LENGTH_MAX
    if length < _INDEFINITE:
        out.append(length)
    else:
        octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
        out.append(_INDEFINITE | len(octets))
        out += octets


def decode(message_type: type[M], data: bytes, base_offset: int = 0) -> M:
    """Decode one message; what follows its end is ignored.

    Args:
        message_type: the message that must be there.
        data: the payload.
        base_offset: where the payload begins in its event; errors report offsets in the event.

    Raises:
        WireError: the payload is not such a message.
    """
    message: M = _Decoder(message_type.__name__, data, base_offset).message(schema_of(message_type))
    return message


class _Decoder:
    """One pass over one payload.

    An element is known by its first octet, its number and its end, which is -1 for the indefinite
    length. `stop` is where reading must end at the latest: at the end of the innermost element of
    definite length, or of the payload.
    """

    __slots__ = ("_base_offset", "_data", "_path", "_position")

    def __init__(self, name: str, data: bytes, base_offset: int) -> None:
        self._data = data
        self._base_offset = base_offset
        self._position = 0
        self._path = [name]

    def message(self, schema: Schema) -> Any:
        stop = len(self._data)
        octet, number, end = self._header(stop)
        if octet & _CLASS_AND_FORM != _CONSTRUCTED_BIT or number != _SEQUENCE_NUMBER:
            raise self._error(f"tag {octet:#04x}", "a message must begin with tag 0x30", 0)
        return self._sequence(schema, end, stop, 1)

    def _sequence(self, schema: Schema, end: int, stop: int, depth: int) -> Any:
        """Decode the members of a message up to and with its end."""
        stop = stop if end < 0 else end
        values: dict[str, object] = {}
        count = 0
        while self._has_more(end, stop):
            count = self._count(count)
            at = self._position
            octet, number, inner_end = self._header(stop)
            if octet & _CLASS_MASK != _CONTEXT_CLASS:
                raise self._error(f"tag {octet:#04x}", "members must have context tags", at)
            member = schema.by_id.get(number)
            if member is not None:
                values[member.attribute] = self._member(member, octet, inner_end, stop, depth, at)
            elif schema.is_choice:
                raise self._error(f"tag {octet:#04x}", "the choice must have tag 0xa0", at)
            else:
                self._skip(octet, inner_end, stop, depth, at)
        if schema.is_choice and count != 1:
            raise self._error(f"{count} elements", "there must be exactly 1", self._position)
        return schema.message(**values)

    def _member(
        self, member: Member, octet: int, end: int, stop: int, depth: int, at: int
    ) -> object:
        if member.kind is Kind.CHOICE:
            self._expect_constructed(octet, at)
            assert member.choice is not None
            return self._choice(member.choice, end, stop, depth + 1)
        self._path.append(f".{member.name}")
        value: object
        if member.kind not in _CONSTRUCTED_KINDS:
            value = self._primitive(member, octet, end, at)
        else:
            self._expect_constructed(octet, at)
            assert member.schema is not None
            if member.kind is Kind.MESSAGE:
                value = self._sequence(member.schema, end, stop, depth + 1)
            else:
                value = self._array(member.schema, end, stop, depth + 1)
        self._path.pop()
        return value

    def _choice(self, choice: Choice, end: int, stop: int, depth: int) -> object:
        """Decode what was chosen; `None` if that is nothing or nothing known."""
        stop = stop if end < 0 else end
        if not self._has_more(end, stop):
            return None
        at = self._position
        octet, number, inner_end = self._header(stop)
        if octet & _CLASS_MASK != _CONTEXT_CLASS:
            raise self._error(f"tag {octet:#04x}", "alternatives must have context tags", at)
        alternative = choice.by_id.get(number)
        value: object = None
        if alternative is None:
            self._skip(octet, inner_end, stop, depth, at)
        else:
            self._path.append(f".{alternative.name}")
            self._expect_constructed(octet, at)
            value = self._sequence(alternative.schema, inner_end, stop, depth + 1)
            self._path.pop()
        if self._has_more(end, stop):
            raise self._error("a choice of 2", "only one alternative can be chosen", self._position)
        return value

    def _array(self, schema: Schema, end: int, stop: int, depth: int) -> tuple[object, ...]:
        stop = stop if end < 0 else end
        elements: list[object] = []
        while self._has_more(end, stop):
            self._path.append(f"[{len(elements)}]")
            self._count(len(elements))
            at = self._position
            octet, number, inner_end = self._header(stop)
            if octet & _CLASS_AND_FORM != _CONSTRUCTED_BIT or number != _SEQUENCE_NUMBER:
                raise self._error(f"tag {octet:#04x}", "an element must have tag 0x30", at)
            elements.append(self._sequence(schema, inner_end, stop, depth + 1))
            self._path.pop()
        return tuple(elements)

    def _primitive(self, member: Member, octet: int, end: int, at: int) -> object:
        if octet & _CONSTRUCTED_BIT:
            raise self._error(f"tag {octet:#04x}", "its form must be primitive", at)
        if end < 0:
            raise self._error("length 0x80", "only a constructed element can leave it open", at)
        content = self._data[self._position : end]
        self._position = end
        kind = member.kind
        if kind is Kind.STRING:
            return content.decode("utf-8", "surrogateescape")
        if kind is Kind.BYTES:
            return content
        if kind is Kind.BOOL:
            if len(content) != 1:
                raise self._error(f"{len(content)} octets", "a bool must have exactly 1", at)
            return content != b"\0"
        number = self._integer(kind, content, at)
        if member.enumeration is None:
            return number
        try:
            return member.enumeration(number)
        except ValueError:
            rule = f"must be one of {[int(value) for value in member.enumeration]}"
            raise self._error(number, rule, at) from None

    def _integer(self, kind: Kind, content: bytes, at: int) -> int:
        """Decode two's complement; nothing at all is 0.

        An unsigned value may have one octet more than its width if that is 0. Without it, the sign
        bit counts as part of the value, as it does for the peer.
        """
        width = _WIDTHS[kind]
        is_unsigned = kind in _UNSIGNED_KINDS
        if is_unsigned and len(content) == width + 1 and content[0] == 0:
            return int.from_bytes(content, "big")
        if len(content) > width:
            rule = f"must be {kind.value}, {width} octets at most"
            raise self._error(f"{len(content)} octets", rule, at)
        value = int.from_bytes(content, "big", signed=True)
        return value & INTEGER_BOUNDS[kind][1] if is_unsigned else value

    def _skip(self, octet: int, end: int, stop: int, depth: int, at: int) -> None:
        """Pass over an unknown element whose header has been read.

        An element of definite length is not looked into, as with the peer.
        """
        if end >= 0:
            self._position = end
            return
        self._expect_constructed(octet, at)
        # One count of elements for each element that is still open.
        counts = [0]
        self._check_depth(depth + 1)
        while counts:
            if not self._has_more(-1, stop):
                counts.pop()
                continue
            counts[-1] = self._count(counts[-1])
            at = self._position
            octet, _, end = self._header(stop)
            if end >= 0:
                self._position = end
            else:
                self._expect_constructed(octet, at)
                counts.append(0)
                self._check_depth(depth + len(counts))

    def _has_more(self, end: int, stop: int) -> bool:
        """Tell whether another element follows; if not, the end of contents has been read."""
        position = self._position
        if end >= 0:
            return position < stop
        if position >= stop:
            raise self._error("cut off", "an open element must end with 00 00", position)
        if self._data[position]:
            return True
        if self._data[position : position + 2] != _END_OF_CONTENTS or position + 2 > stop:
            raise self._error("cut off", "an open element must end with 00 00", position)
        self._position = position + 2
        return False

    def _header(self, stop: int) -> tuple[int, int, int]:
        """Read tag and length; return the first octet, the tag's number, and the end or -1."""
        data = self._data
        at = position = self._position
        if position >= stop:
            raise self._error("cut off", "an element must begin with its tag", position)
        octet = data[position]
        number = octet & _NUMBER_MASK
        position += 1
        if number == _NUMBER_MASK:
            number, position = self._long_number(position, stop)
        if position >= stop:
            raise self._error("cut off", "a length must follow the tag", position)
        length = data[position]
        position += 1
        if length == _INDEFINITE:
            self._position = position
            return octet, number, -1
        if length > _INDEFINITE:
            octets = length & ~_INDEFINITE
            if octets > _LENGTH_OCTETS_MAX:
                rule = f"must have {_LENGTH_OCTETS_MAX} octets at most"
                raise self._error(f"a length of {octets} octets", rule, at)
            length = int.from_bytes(data[position : position + octets], "big")
            position += octets
            if length > _LENGTH_MAX:
                raise self._error(f"length {length}", f"must be {_LENGTH_MAX} at most", at)
        end = position + length
        if end > stop:
            rule = f"only {max(stop - position, 0)} bytes are left"
            raise self._error(f"length {length} of tag {octet:#04x}", rule, at)
        self._position = position
        return octet, number, end

    def _long_number(self, position: int, stop: int) -> tuple[int, int]:
        number = 0
        for octet in self._data[position : min(position + _TAG_NUMBER_OCTETS_MAX, stop)]:
            position += 1
            number = number << 7 | octet & 0x7F
            if octet < 0x80:
                return number, position
        rule = f"must end within {_TAG_NUMBER_OCTETS_MAX} octets"
        raise self._error("a long tag number", rule, position)

    def _expect_constructed(self, octet: int, at: int) -> None:
        if not octet & _CONSTRUCTED_BIT:
            raise self._error(f"tag {octet:#04x}", "its form must be constructed", at)

    def _check_depth(self, depth: int) -> None:
        if depth > limits.CONTROL_NESTING_MAX:
            rule = f"must be {limits.CONTROL_NESTING_MAX} at most"
            raise self._error(f"nesting of {depth}", rule, self._position)

    def _count(self, count: int) -> int:
        """Return the number of elements with one more, if the limit allows."""
        if count >= limits.CONTROL_MEMBERS_MAX:
            rule = f"a sequence must have {limits.CONTROL_MEMBERS_MAX} at most"
            raise self._error(f"element {count + 1}", rule, self._position)
        return count + 1

    def _error(self, value: object, rule: str, at: int) -> WireError:
        return WireError("".join(self._path), value, rule, self._base_offset + at)
